/** Paths that are not modelled: bodies stream through both ways, and only credentials change. */
import http from 'node:http';
import { describe, expect, it } from 'vitest';
import { ask, collect, standsStill, until } from './client.ts';
import { front, provider, upstream } from './harness.ts';

const MULTIPART = [
  '--b0undary',
  'content-disposition: form-data; name="purpose"',
  '',
  'batch',
  '--b0undary',
  'content-disposition: form-data; name="file"; filename="a.bin"',
  '',
  '\u0000\u0001binary\r\n--not the boundary',
  '--b0undary--',
  '',
].join('\r\n');

describe('passthrough', () => {
  it('hands a form on byte for byte, with our key, and the answer back', async () => {
    const u = await upstream((res) => {
      res.writeHead(201, {
        'content-type': 'application/json',
        'x-request-id': 'req_1',
        'set-cookie': 'a=b',
      });
      res.end('{"id":"file-1"}');
    });
    const f = await front({ targets: [{ url: u.url, key: 'sk-ours' }] });
    const answer = await ask(f.port, {
      path: '/v1/files?purpose=a%20b&api_key=caller',
      body: MULTIPART,
      headers: {
        'content-type': 'multipart/form-data; boundary=b0undary',
        authorization: 'Bearer placeholder',
        cookie: 'session=1',
        'x-outrider-x': '1',
      },
    }).answer;
    expect([answer.status, answer.text]).toEqual([201, '{"id":"file-1"}']);
    expect(answer.headers['x-request-id']).toBe('req_1');
    expect(answer.headers['set-cookie']).toBeUndefined();
    const [seen] = u.requests;
    expect(seen?.url).toBe('/v1/files?purpose=a%20b');
    expect(seen?.body.toString()).toBe(MULTIPART);
    const headers = seen?.rawHeaders.join('\n') ?? '';
    expect(headers).toContain('authorization\nBearer sk-ours');
    expect(headers).toContain('content-type\nmultipart/form-data; boundary=b0undary');
    expect(headers).toContain(`Content-Length\n${Buffer.byteLength(MULTIPART)}`);
    expect(headers).not.toMatch(/placeholder|cookie|outrider/i);
    const { attempts, outcome } = await f.finished();
    expect(attempts).toHaveLength(1);
    expect(outcome).toMatchObject({ status: 201, broken: false, cancelled: false });
  });

  it('takes a body of unknown length as it comes', async () => {
    const u = await upstream((res, req) => {
      expect(req.headers['transfer-encoding']).toBe('chunked');
      res.end('ok');
    });
    const f = await front({ targets: [{ url: u.url }] });
    const request = http.request({ port: f.port, method: 'PUT', path: '/v1/uploads/1', agent: false });
    request.write('first ');
    const answer = new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve));
    await new Promise((resolve) => setTimeout(resolve, 10));
    request.end('second');
    expect((await collect(await answer)).text).toBe('ok');
    expect(u.requests[0]?.body.toString()).toBe('first second');
  });

  it('sends what was read of the body already before the rest', async () => {
    const u = await upstream((res) => res.end('ok'));
    const f = await front({ targets: [{ url: u.url }], peek: 7 });
    await ask(f.port, { path: '/v1/audio/speech', body: '{"model":"tts","input":"hello"}' }).answer;
    expect(u.requests[0]?.body.toString()).toBe('{"model":"tts","input":"hello"}');
  });

  it('makes GET and DELETE without a body', async () => {
    const u = await upstream((res) => res.end('gone'));
    const f = await front({ targets: [{ url: u.url }] });
    for (const method of ['GET', 'DELETE']) {
      expect((await ask(f.port, { method, path: '/v1/files/file-1' }).answer).text).toBe('gone');
    }
    expect(u.requests.map((r) => [r.method, r.url, r.body.length])).toEqual([
      ['GET', '/v1/files/file-1', 0],
      ['DELETE', '/v1/files/file-1', 0],
    ]);
    expect(u.requests.flatMap((r) => r.rawHeaders).join(' ')).not.toMatch(
      /transfer-encoding|content-length/i,
    );
  });

  it('answers HEAD with the length of what it does not send', async () => {
    const u = await upstream((res) => {
      res.writeHead(200, { 'content-length': 1234, etag: '"x"' });
      res.end();
    });
    const f = await front({ targets: [{ url: u.url }] });
    const answer = await ask(f.port, { method: 'HEAD', path: '/v1/files/file-1/content' }).answer;
    expect([answer.status, answer.headers['content-length'], answer.headers.etag]).toEqual([
      200,
      '1234',
      '"x"',
    ]);
  });

  it('hands on ranges and conditions, and what answers them', async () => {
    const u = await upstream((res, req) => {
      if (req.headers['if-none-match']) return void res.writeHead(304, { etag: '"x"' }).end();
      res.writeHead(206, {
        'content-range': 'bytes 0-3/10',
        'content-type': 'audio/wav',
        'content-disposition': 'attachment',
      });
      res.end('RIFF');
    });
    const f = await front({ targets: [{ url: u.url }] });
    const path = '/v1/files/file-1/content';
    const part = await ask(f.port, { method: 'GET', path, headers: { range: 'bytes=0-3' } }).answer;
    expect([part.status, part.text, part.headers['content-range']]).toEqual([206, 'RIFF', 'bytes 0-3/10']);
    expect(part.headers['content-disposition']).toBe('attachment');
    const same = await ask(f.port, { method: 'GET', path, headers: { 'if-none-match': '"x"' } }).answer;
    expect([same.status, same.text]).toEqual([304, '']);
  });

  it.each([400, 401, 404, 429, 500, 503])('hands on a %i as it is', async (status) => {
    const p = await provider({ failure: { kind: 'Status', status, message: 'told' } });
    const spare = await provider();
    const f = await front({ targets: [{ url: p.url }, { url: spare.url }] });
    const answer = await ask(f.port, { path: '/v1/files', body: '{}' }).answer;
    expect(answer.status).toBe(status);
    expect(answer.text).toContain('told');
    expect([p.count, spare.count]).toEqual([1, 0]);
    const { attempts } = await f.finished();
    expect(attempts[0]?.failure).toBeDefined();
    expect(attempts[0]?.noWork).toBe(true);
  });

  it('does not follow a redirect, nor hands it on', async () => {
    const u = await upstream((res) => {
      res.writeHead(302, { location: 'http://elsewhere.invalid/?sig=secret' });
      res.end();
    });
    const f = await front({ targets: [{ url: u.url }] });
    const answer = await ask(f.port, { method: 'GET', path: '/v1/files/1/content' }).answer;
    expect(answer.status).toBe(502);
    expect(answer.headers.location).toBeUndefined();
  });

  it.each(['/v1/organization/admin_api_keys', '/v1/%6frganization/users', '/v1/dashboard/billing'])(
    'never reaches %s',
    async (path) => {
      const p = await provider();
      const f = await front({ targets: [{ url: p.url, key: 'sk-ours' }] });
      expect((await ask(f.port, { method: 'GET', path }).answer).status).toBe(404);
      expect(p.count).toBe(0);
    },
  );

  it('keeps both directions to the pace of the slower side', async () => {
    const total = 48 * 1024 * 1024;
    let taken = 0;
    let letGo = false;
    const requests: http.IncomingMessage[] = [];
    const server = http.createServer((req, res) => {
      requests.push(req);
      req.on('data', (chunk: Buffer) => {
        taken += chunk.length;
        if (taken >= 1_000_000 && !letGo) req.pause();
      });
      req.on('error', () => {});
      req.on('end', () => res.end('done'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const f = await front({
      targets: [{ url: `http://127.0.0.1:${(server.address() as { port: number }).port}/v1` }],
    });
    const request = http.request({
      port: f.port,
      method: 'POST',
      path: '/v1/files',
      agent: false,
      headers: { 'content-length': total },
    });
    request.on('error', () => {});
    let sent = 0;
    const piece = Buffer.alloc(256 * 1024);
    const fill = (): void => {
      while (sent < total) {
        sent += piece.length;
        if (!request.write(piece)) return void request.once('drain', fill);
      }
    };
    fill();
    await standsStill(() => sent, 'the caller stands still');
    expect(sent).toBeLessThan(total / 2);
    request.destroy();
    // Nobody can see a caller leave behind bytes that may not be read yet.
    letGo = true;
    requests[0]?.resume();
    await f.finished();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('lets the provider go when the caller leaves, up or down', async () => {
    let closed = 0;
    const u = await upstream((res) => {
      res.on('close', () => closed++);
      res.writeHead(200, { 'content-type': 'audio/mpeg' });
      res.write('abc');
    });
    const f = await front({ targets: [{ url: u.url }] });
    const down = ask(f.port, { method: 'GET', path: '/v1/files/1/content' });
    await down.head;
    down.request.destroy();
    await until(() => closed === 1, 'the provider saw it');
    expect((await f.finished()).outcome).toMatchObject({ cancelled: true, status: 200 });

    const up = http.request({
      port: f.port,
      method: 'POST',
      path: '/v1/files',
      agent: false,
      headers: { 'content-length': 100 },
    });
    up.on('error', () => {});
    up.write('half');
    await until(() => u.connections === 1, 'the upload is under way');
    up.destroy();
    expect((await f.finished(1)).outcome).toMatchObject({ cancelled: true, status: 499 });
  });

  it('breaks the connection when the provider breaks off', async () => {
    const u = await upstream((res) => {
      res.writeHead(200, { 'content-length': 100 });
      res.write('half', () => setTimeout(() => res.destroy(), 5));
    });
    const f = await front({ targets: [{ url: u.url }] });
    const answer = await ask(f.port, { method: 'GET', path: '/v1/files/1/content' }).answer;
    expect(answer.broken).toBe(true);
    expect((await f.finished()).outcome).toMatchObject({ broken: true });
  });

  it('says so when the target cannot be reached', async () => {
    const p = await provider();
    await p.refuse();
    const f = await front({ targets: [{ url: p.url }] });
    const answer = await ask(f.port, { path: '/v1/files', body: '{}' }).answer;
    expect(answer.status).toBe(502);
    expect(answer.text).toContain('upstream_connect');
  });

  it('reads again over a new connection, and writes only over new ones', async () => {
    const used = new WeakSet<object>();
    const u = await upstream((res, req) => {
      if (used.has(req.socket)) return void req.socket.resetAndDestroy();
      used.add(req.socket);
      res.end('ok');
    });
    const f = await front({ targets: [{ url: u.url }] });
    const statuses: number[] = [];
    for (const method of ['GET', 'GET', 'POST', 'POST']) {
      const body = method === 'POST' ? '{}' : undefined;
      statuses.push((await ask(f.port, { method, path: '/v1/batches', body }).answer).status);
    }
    expect(statuses).toEqual([200, 200, 200, 200]);
    expect((await f.finished(1)).attempts.map((a) => a.kind)).toEqual(['First', 'Retry']);
  });

  it.each([[{ authorization: 'Bearer bad' }], [{ 'x-api-key': 'bad' }]])(
    "remembers a caller's own key that is refused, for every path and for nobody else: %o",
    async (headers) => {
      const own = await upstream((res, req) => {
        res.writeHead(req.url?.endsWith('/files') ? 401 : 200, { 'content-type': 'application/json' });
        res.end('{"choices":[{"finish_reason":"stop"}]}');
      });
      const f = await front({
        targets: [
          { url: own.url, credential: 'Passthrough' },
          { url: own.url, key: 'sk-ours' },
        ],
      });
      expect((await ask(f.port, { method: 'GET', path: '/v1/files', headers }).answer).status).toBe(401);
      const target = async (key: string) =>
        (await ask(f.port, { headers: { authorization: `Bearer ${key}` } }).answer).headers[
          'x-outrider-target'
        ];
      expect([await target('bad'), await target('good')]).toEqual(['t1', 't0']);
    },
  );
});
