/** Who may talk to the server, and in what form: it listens where every web page could reach it. */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { CRDS } from './conformance/crds.ts';
import { Client } from './support/client.ts';

const PODS = '/api/v1/namespaces/default/pods';
const SECRETS = '/api/v1/namespaces/default/secrets';
let server: ApiServer;
let client: Client;
beforeAll(async () => {
  server = await startApiServer({ crds: CRDS });
  client = new Client(server);
});
afterAll(async () => {
  client.close();
  await server.close();
});

const status = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
  (await client.send({ method: 'GET', path, headers })).status;

describe('hosts', () => {
  it.each(['127.0.0.1', 'localhost', 'LocalHost', '[::1]', '127.0.0.1:80', 'localhost:1', '[::1]:65535'])(
    'serves %s',
    async (host) => {
      expect(await status(PODS, { host })).toBe(200);
    },
  );

  it.each([
    'rebound.example',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    '0.0.0.0',
    '127.0.0.2',
    '[::2]:80',
  ])('refuses %s', async (host) => {
    const { status: code, body } = await client.send({ method: 'GET', path: PODS, headers: { host } });
    const message = `Host "${host}" is not served here; use 127.0.0.1, localhost or [::1]`;
    expect([code, body.kind, body.message]).toEqual([421, 'Status', message]);
  });

  it('refuses documents too: discovery, health, keys', async () => {
    const paths = ['/apis', '/version', '/readyz', '/openapi/v3', '/openid/v1/jwks', '/nothing'];
    const codes = await Promise.all(paths.map((path) => status(path, { host: 'rebound.example' })));
    expect(codes).toEqual(paths.map(() => 421));
  });

  it('listens on loopback only', async () => {
    const others = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    // A machine without a network has one more all the same, that of loopback which is not listened on.
    const hosts = ['127.0.0.2', ...others.map(({ address }) => address)];
    const reached = await Promise.all(hosts.map((host) => reaches(host, server.port)));
    expect(reached).toEqual(hosts.map(() => false));
    expect(await reaches('127.0.0.1', server.port)).toBe(true);
  });
});

describe('web pages', () => {
  it.each([
    ['an Origin', { origin: 'https://evil.example' }],
    ['an opaque Origin', { origin: 'null' }],
    ['an Origin of loopback', { origin: 'http://localhost:3000' }],
    ['a cross-site fetch', { 'sec-fetch-site': 'cross-site' }],
    ['a same-site fetch', { 'sec-fetch-site': 'same-site' }],
  ])('refuses %s', async (_, headers) => {
    const answer = await client.send({ method: 'GET', path: SECRETS, headers });
    expect([answer.status, answer.body.reason]).toEqual([403, 'Forbidden']);
  });

  it.each(['none', 'same-origin'])('lets Sec-Fetch-Site %s pass', async (site) => {
    expect(await status('/version', { 'sec-fetch-site': site })).toBe(200);
  });

  it('writes nothing for a page that posts a form or plain text', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const body = JSON.stringify({ metadata: { name: 'planted' } });
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      '',
    ]) {
      expect((await client.send({ method: 'POST', path, body, type })).status).toBe(415);
    }
    const untyped = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expect(await raw(untyped)).toContain('HTTP/1.1 415 Unsupported Media Type');
    expect((await client.get(`${path}/planted`)).status).toBe(404);
  });

  it('answers a preflight without leave to go on', async () => {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'DELETE' };
    const answer = await client.send({ method: 'OPTIONS', path: PODS, headers });
    expect(answer.status).toBe(403);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('request targets', () => {
  it.each([
    ['a dot segment', '/api/v1/namespaces/default/../kube-system/secrets'],
    ['an encoded dot segment', '/api/v1/namespaces/default/%2e%2E/kube-system/secrets'],
    ['a dot segment at the end', '/api/v1/..'],
    ['a single dot', '/api/./v1'],
    ['an encoded slash', '/api/v1/namespaces/default%2Fpods'],
    ['an encoded backslash', '/api/v1%5cnamespaces'],
    ['a backslash', '/api\\v1'],
  ])('refuses %s', async (_, target) => {
    const [head = ''] = await raw(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(head).toBe('HTTP/1.1 400 Bad Request');
  });

  it.each(['http://localhost/version', 'http://evil.example/version', '*'])('refuses %s', async (target) => {
    const [head = ''] = await raw(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(head).toBe('HTTP/1.1 400 Bad Request');
  });

  it.each(['//evil.example/version', '//', '/%', '/api/%ff/x', '/api/v1/namespaces/%/pods/%zz', '/nothing'])(
    'knows nothing of %s',
    async (target) => {
      const [head = ''] = await raw(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect(head).toBe('HTTP/1.1 404 Not Found');
    },
  );
});

describe('bodies', () => {
  const configMaps = '/api/v1/namespaces/default/configmaps';

  it('takes three MiB and not a byte more', async () => {
    const empty = JSON.stringify({ metadata: { name: 'large' }, data: { text: '' } });
    const fill = 'x'.repeat(3 * 1024 * 1024 - empty.length);
    const body = (text: string) => empty.replace('""', JSON.stringify(text));
    expect((await client.post(configMaps, body(fill))).status).toBe(201);
    const { status: code, body: refusal } = await client.post(configMaps, body(`${fill}x`));
    const message = 'Request entity too large: limit is 3145728';
    expect([code, refusal.reason, refusal.message]).toEqual([413, 'RequestEntityTooLarge', message]);
  });

  it('reads no more of an endless one', async () => {
    const head = `POST ${configMaps} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const chunk = `40000\r\n${'x'.repeat(0x40000)}\r\n`;
    const [answer] = await raw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(13)}`);
    expect(answer).toBe('HTTP/1.1 413 Payload Too Large');
  });

  it.each(['', '{', '[]', '"text"', 'null', '7'])('answers 400 to %j', async (body) => {
    expect((await client.post(configMaps, body)).status).toBe(400);
  });

  it('tells kubectl what to do where it sends protobuf', async () => {
    const type = 'application/vnd.kubernetes.protobuf';
    const answer = await client.send({ method: 'POST', path: configMaps, body: 'k8s', type });
    expect(answer.status).toBe(415);
    expect(answer.body.message).toContain('--dry-run=client -o yaml | kubectl apply -f -');
  });
});

function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    const end = (reached: boolean) => {
      socket.destroy();
      resolve(reached);
    };
    socket.once('connect', () => end(true));
    for (const event of ['error', 'timeout']) socket.once(event, () => end(false));
  });
}

/** The lines of what comes back for these bytes. */
function raw(bytes: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: server.port });
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer came')));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\r\n\r\n')) socket.destroy();
    });
    // A server that reads no further resets the connection.
    socket.on('error', (error) => (text ? resolve(text.split('\r\n')) : reject(error)));
    socket.on('close', () => resolve(text.split('\r\n')));
    socket.write(bytes);
  });
}
