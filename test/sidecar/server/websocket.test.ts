import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { call, exchangeBytes } from '../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';

let sidecar: TestSidecar;
let provider: WebSocketServer;

afterEach(async () => {
  await sidecar.close();
  for (const client of provider.clients) client.terminate();
  await new Promise((resolve) => provider.close(resolve));
});

async function start(options: Parameters<typeof startTestSidecar>[1] = {}): Promise<string> {
  provider = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  provider.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  await new Promise((resolve) => provider.once('listening', resolve));
  const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`;
  const passthrough = [{ methods: ['GET'], pathPrefix: '/v1/realtime' }];
  sidecar = await startTestSidecar(
    [providerItem('main', url), routeItem('voice', ['voice-*'], [rule([target('main')], { passthrough })])],
    options,
  );
  return `ws://127.0.0.1:${sidecar.port}`;
}

const opened = (socket: WebSocket) =>
  new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
const closed = (socket: WebSocket) => new Promise<number>((resolve) => socket.on('close', resolve));

/** The status and body of the answer that is no upgrade. */
function refused(url: string, options: object = {}): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, options);
    socket.on('open', () => reject(new Error('it was let through')));
    socket.on('unexpected-response', (_, res) => {
      let text = '';
      res.on('data', (chunk: Buffer) => (text += chunk.toString()));
      res.on('end', () =>
        resolve([res.statusCode ?? 0, (JSON.parse(text) as { error: { code: string } }).error.code]),
      );
    });
    socket.on('error', () => {});
  });
}

describe('WebSockets', () => {
  it('are routed by model, and recorded when they end', async () => {
    const url = await start();
    const socket = new WebSocket(`${url}/v1/realtime?model=voice-1`);
    await opened(socket);
    const echo = new Promise<string>((resolve) =>
      socket.once('message', (data) => resolve((data as Buffer).toString())),
    );
    socket.send('hello');
    expect(await echo).toBe('hello');
    socket.close();
    expect(await closed(socket)).toBe(1005);
    await until(() => sidecar.rows.length === 1);
    expect(sidecar.rows[0]).toMatchObject({ route: 'shop/voice', operation: 'passthrough', outcome: 'Ok' });
    expect(sidecar.ended[0]?.outcome).toMatchObject({ status: 101, cancelled: false });
  });

  it.each([
    ['/v1/realtime?model=other', {}, 404, 'no_route'],
    ['/v1/files?model=voice-1', {}, 404, 'endpoint_not_found'],
    ['/v1/chat/completions', {}, 404, 'endpoint_not_found'],
    ['/v1/realtime?model=voice-1', { origin: 'https://evil.example' }, 403, 'origin_not_allowed'],
    ['/v1/realtime?model=voice-1', { headers: { host: 'evil.example' } }, 421, 'host_not_allowed'],
  ])('%s %j is refused', async (path, options, status, code) => {
    const url = await start();
    expect(await refused(url + path, options)).toEqual([status, code]);
    await until(() => sidecar.ended.length === 1);
    expect(provider.clients.size).toBe(0);
  });

  it('must present the token, too', async () => {
    const url = await start({ access: { token: 'secret' } });
    const path = `${url}/v1/realtime?model=voice-1`;
    expect(await refused(path)).toEqual([401, 'listener_token_required']);
    const socket = new WebSocket(path, { headers: { authorization: 'Bearer secret' } });
    await opened(socket);
    socket.terminate();
  });

  it('are told to close when the sidecar drains', async () => {
    const url = await start();
    const socket = new WebSocket(`${url}/v1/realtime?model=voice-1`);
    await opened(socket);
    const code = closed(socket);
    await sidecar.drain();
    expect(await code).toBe(1001);
    expect(sidecar.ended).toHaveLength(1);
  });

  it('other protocols are not spoken, and the offer is ignored', async () => {
    await start();
    const received = await exchangeBytes(
      sidecar.port,
      'GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\r\n',
    );
    expect(received).toMatch(/^HTTP\/1\.1 200 OK/);
    expect((await call(`${sidecar.url}/v1/models`)).status).toBe(200);
  });
});
