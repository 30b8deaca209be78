/** Sockets through to an explicit list of paths: frames as they are, credentials replaced, an end for every socket. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { ask, standsStill, until } from './client.ts';
import { behind, front, provider } from './harness.ts';
import { VirtualClock } from './virtual-clock.ts';

interface Realtime {
  url: string;
  seen: { url: string; rawHeaders: string[] }[];
  sockets: WebSocket[];
}

/** A provider of sockets that echoes. */
async function realtime(refuse?: { status: number; body: string }): Promise<Realtime> {
  const seen: Realtime['seen'] = [];
  const server = http.createServer((_, res) => res.writeHead(404).end());
  const wss = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false });
  server.on('upgrade', (req, socket, head) => {
    seen.push({ url: req.url ?? '', rawHeaders: req.rawHeaders });
    if (refuse) {
      const { status, body } = refuse;
      socket.end(
        `HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\nset-cookie: a=b\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      return;
    }
    wss.handleUpgrade(req, socket, head, (ws) => {
      sockets.push(ws);
      ws.on('message', (data, binary) => ws.send(data, { binary }));
      ws.on('error', () => {});
    });
  });
  const sockets: WebSocket[] = [];
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  behind(async () => {
    for (const ws of sockets) ws.terminate();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, seen, sockets };
}

const opened = (ws: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('error', reject);
  });
const closed = (ws: WebSocket): Promise<[number, string]> =>
  new Promise((resolve) => ws.on('close', (code, reason) => resolve([code, reason.toString()])));
const message = (ws: WebSocket): Promise<string> =>
  new Promise((resolve) => ws.once('message', (data) => resolve((data as Buffer).toString())));

describe('websocket', () => {
  it('hands frames on both ways and counts messages', async () => {
    const r = await realtime();
    const f = await front({ targets: [{ url: r.url, key: 'sk-ours' }], replay: 'Never' });
    const ws = new WebSocket(`ws://127.0.0.1:${f.port}/v1/realtime?model=gpt-realtime`);
    await opened(ws);
    ws.send('hello');
    expect(await message(ws)).toBe('hello');
    const large = 'x'.repeat(300_000);
    ws.send(large);
    expect(await message(ws)).toBe(large);
    ws.close(1000, 'bye');
    expect((await closed(ws))[0]).toBe(1000);
    const { attempts, outcome, steps } = await f.finished();
    expect(outcome).toMatchObject({ status: 101, streamed: true, broken: false, cancelled: false });
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({ httpStatus: 101, failure: undefined });
    expect(attempts[0]?.rawUsage).toMatchObject({ messages_up: 2, messages_down: 2 });
    expect(steps.at(-1)?.what).toBe('WebSocketEnded');
  });

  it('replaces credentials wherever they hide', async () => {
    const r = await realtime();
    const f = await front({ targets: [{ url: r.url, key: 'sk-ours' }], replay: 'Never' });
    const ws = new WebSocket(
      `ws://127.0.0.1:${f.port}/v1/realtime?model=m&api_key=caller`,
      [
        'realtime',
        'openai-insecure-api-key.sk-caller',
        'openai-organization.org-caller',
        'openai-beta.realtime-v1',
      ],
      {
        headers: {
          authorization: 'Bearer sk-caller',
          cookie: 'a=b',
          'openai-beta': 'realtime=v1',
          'x-outrider-a': '1',
        },
      },
    );
    await opened(ws);
    expect(ws.protocol).toBe('realtime');
    const headers = r.seen[0]?.rawHeaders.join('\n') ?? '';
    expect(r.seen[0]?.url).toBe('/v1/realtime?model=m');
    expect(headers).toContain('authorization\nBearer sk-ours');
    expect(headers).toContain('Sec-WebSocket-Protocol\nrealtime, openai-beta.realtime-v1');
    expect(headers).toContain('openai-beta\nrealtime=v1');
    expect(headers).not.toMatch(/caller|cookie|outrider/i);
    ws.close();
    await closed(ws);
  });

  it("asks for the target's own model", async () => {
    const r = await realtime();
    const f = await front({ targets: [{ url: r.url, model: 'gpt-realtime', named: true }], replay: 'Never' });
    const ws = new WebSocket(`ws://127.0.0.1:${f.port}/v1/realtime?model=voice&x=1`);
    await opened(ws);
    expect(r.seen[0]?.url).toBe('/v1/realtime?model=gpt-realtime&x=1');
    ws.terminate();
  });

  it.each(['/v1/files', '/v1/chat/completions', '/v1/realtime/x'])('serves no socket at %s', async (path) => {
    const r = await realtime();
    const f = await front({ targets: [{ url: r.url }], replay: 'Never' });
    const ws = new WebSocket(`ws://127.0.0.1:${f.port}${path}`);
    await expect(opened(ws)).rejects.toThrow('404');
    expect(r.seen).toEqual([]);
  });

  it('refuses what is no handshake', async () => {
    const r = await realtime();
    const f = await front({ targets: [{ url: r.url }], replay: 'Never' });
    const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '8' };
    const answer = await ask(f.port, { method: 'GET', path: '/v1/realtime', headers }).answer;
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'websocket_handshake' } });
  });

  it('hands a refusal on', async () => {
    const r = await realtime({ status: 403, body: '{"error":{"message":"no realtime for you"}}' });
    const f = await front({ targets: [{ url: r.url, key: 'sk-ours' }], replay: 'Never' });
    const ws = new WebSocket(`ws://127.0.0.1:${f.port}/v1/realtime?model=m`);
    const answer = new Promise<http.IncomingMessage>((resolve) =>
      ws.on('unexpected-response', (_, res) => resolve(res)),
    );
    const res = await answer;
    expect(res.statusCode).toBe(403);
    expect(res.headers['set-cookie']).toBeUndefined();
    res.resume();
    const { outcome, attempts } = await f.finished();
    expect(outcome).toMatchObject({ status: 403 });
    expect(attempts[0]).toMatchObject({ failure: 'Unauthorized', noWork: true });
  });

  it('says so when the target cannot be reached', async () => {
    const p = await provider();
    await p.refuse();
    const f = await front({ targets: [{ url: p.url }], replay: 'Never' });
    const ws = new WebSocket(`ws://127.0.0.1:${f.port}/v1/realtime?model=m`);
    await expect(opened(ws)).rejects.toThrow('502');
    expect((await f.finished()).attempts[0]).toMatchObject({ failure: 'Connect', noWork: true });
  });

  it('lets the provider go when the caller leaves: before, and after the handshake', async () => {
    const r = await realtime();
    const f = await front({ targets: [{ url: r.url }], replay: 'Never' });
    const ws = new WebSocket(`ws://127.0.0.1:${f.port}/v1/realtime?model=m`);
    await opened(ws);
    ws.terminate();
    await until(() => r.sockets[0]?.readyState === WebSocket.CLOSED, 'the provider saw it');
    expect((await f.finished()).outcome).toMatchObject({ status: 101, cancelled: true, broken: false });

    const silent = await provider({ failure: { kind: 'HangBeforeHeaders' } });
    const g = await front({ targets: [{ url: silent.url }], replay: 'Never' });
    const early = new WebSocket(`ws://127.0.0.1:${g.port}/v1/realtime?model=m`);
    early.on('error', () => {});
    await until(() => silent.connections === 1, 'the handshake is under way');
    early.terminate();
    await until(() => silent.connections === 0, 'the provider is let go');
    expect((await g.finished()).outcome).toMatchObject({ status: 499, cancelled: true });
  });

  it('tells the caller when the provider dies without a word, and counts it', async () => {
    const r = await realtime();
    const passive = { consecutiveErrors: 1, ejectionMs: 1000, maxEjectionMs: 1000 };
    const f = await front({ targets: [{ url: r.url, body: { passive } }], replay: 'Never' });
    const ws = new WebSocket(`ws://127.0.0.1:${f.port}/v1/realtime?model=m`);
    await opened(ws);
    r.sockets[0]?.terminate();
    expect((await closed(ws))[0]).toBe(1006);
    const { outcome, attempts } = await f.finished();
    expect(outcome).toMatchObject({ broken: true, cancelled: false, errorCode: 'upstream_stream_broken' });
    expect(attempts[0]).toMatchObject({ failure: 'StreamError' });
    expect(f.dispatcher.health.ejection(f.candidates[0] as never, performance.now())).toBeDefined();
  });

  it('closes every socket at its maximum age', async () => {
    const clock = new VirtualClock();
    const r = await realtime();
    const f = await front({
      targets: [{ url: r.url }],
      replay: 'Never',
      dispatcher: { clock },
      sockets: { maxAgeMs: 60_000 },
    });
    const ws = new WebSocket(`ws://127.0.0.1:${f.port}/v1/realtime?model=m`);
    await opened(ws);
    ws.send('busy');
    await message(ws);
    clock.advance(60_010);
    expect((await closed(ws))[0]).toBe(1001);
    expect((await f.finished()).outcome).toMatchObject({ broken: false, cancelled: false });
    await until(() => r.sockets[0]?.readyState === WebSocket.CLOSED, 'closed on the other side too');
  });

  it('drains: both sides hear that we are going away, between two messages', async () => {
    const r = await realtime();
    const f = await front({ targets: [{ url: r.url }], replay: 'Never' });
    const sockets = await Promise.all(
      [0, 1, 2].map(async () => {
        const ws = new WebSocket(`ws://127.0.0.1:${f.port}/v1/realtime?model=m`);
        await opened(ws);
        return ws;
      }),
    );
    const codes = sockets.map(closed);
    const upstreamCodes = r.sockets.map(closed);
    for (const ws of sockets) ws.send('y'.repeat(100_000));
    await f.sockets.drain();
    expect((await Promise.all(codes)).map(([code]) => code)).toEqual([1001, 1001, 1001]);
    expect((await Promise.all(upstreamCodes)).map(([code]) => code)).toEqual([1001, 1001, 1001]);
    expect(f.sockets.size).toBe(0);
  });

  it('gives up on a handshake that takes too long', async () => {
    const silent = await provider({ failure: { kind: 'HangBeforeHeaders' } });
    const f = await front({ targets: [{ url: silent.url }], replay: 'Never', timeouts: { connectMs: 20 } });
    const ws = new WebSocket(`ws://127.0.0.1:${f.port}/v1/realtime?model=m`);
    await expect(opened(ws)).rejects.toThrow('504');
  });

  it('holds the provider to the pace of a caller that does not read, and lets it go in the end', async () => {
    const clock = new VirtualClock();
    const r = await realtime();
    const f = await front({
      targets: [{ url: r.url }],
      replay: 'Never',
      timeouts: { clientStallMs: 5000 },
      dispatcher: { clock },
    });
    const ws = new WebSocket(`ws://127.0.0.1:${f.port}/v1/realtime?model=m`);
    ws.on('error', () => {});
    await opened(ws);
    ws.pause();
    const server = r.sockets[0] as WebSocket;
    const total = 200;
    let taken = 0;
    const fill = (): void => {
      if (taken === total || server.readyState !== WebSocket.OPEN) return;
      server.send(Buffer.alloc(500_000), () => {
        taken++;
        fill();
      });
    };
    fill();
    await standsStill(() => taken, 'the provider stands still');
    expect(taken).toBeLessThan(total / 2);
    clock.advance(5100);
    expect((await f.finished()).outcome).toMatchObject({ errorCode: 'client_stalled' });
    ws.terminate();
  });
});
