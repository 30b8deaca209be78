/** A caller that leaves stops everything: the upstream connection, the wait, the chain. */
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Behaviour } from '../../../dev/providers/behaviour.ts';
import { chat, stream, until } from './client.ts';
import { behind, front, provider } from './harness.ts';
import { VirtualClock } from './virtual-clock.ts';

const PHASES: [string, Behaviour, boolean][] = [
  ['before the headers', { failure: { kind: 'HangBeforeHeaders' } }, true],
  ['behind the headers', { failure: { kind: 'HangAfterHeaders' } }, true],
  ['before the first content', { failure: { kind: 'Stall', afterEvents: 1 } }, true],
  ['in mid-stream', { failure: { kind: 'Stall', afterEvents: 4 } }, true],
  ['in the middle of a flood', { outputTokens: 30_000 }, true],
  ['in a complete body', { failure: { kind: 'SlowBody', pieces: 1000, ms: 10 } }, false],
  ['before the headers of a complete body', { failure: { kind: 'HangBeforeHeaders' } }, false],
];

describe('a caller that leaves', () => {
  it.each(PHASES)('%s', async (phase, behaviour, streams) => {
    const [busy, other] = [await provider(behaviour), await provider()];
    const f = await front({ targets: [{ url: busy.url }, { url: other.url }] });
    const asked = streams ? stream(f.port) : chat(f.port);
    await until(() => busy.requests.length === 1, 'the provider is at work');
    if (phase.startsWith('in mid') || phase.startsWith('in the')) (await asked.head).resume();
    const left = performance.now();
    asked.request.destroy();
    expect(await busy.requests[0]?.closed, 'the provider saw its caller leave').toBe(true);
    expect(performance.now() - left).toBeLessThan(500);
    const { attempts, outcome } = await f.finished();
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({ cancelled: true, failure: undefined });
    expect(outcome).toMatchObject({ cancelled: true, broken: false });
    expect(outcome?.status).toBe(phase.startsWith('in mid') || phase.startsWith('in the') ? 200 : 499);
    expect(other.count, 'nothing new was started').toBe(0);
    expect(f.dispatcher.health.ejection(f.candidates[0] as never, performance.now())).toBeUndefined();
  });

  it('while we wait to try again', async () => {
    const p = await provider({ failure: { kind: 'Status', status: 503 } });
    const clock = new VirtualClock();
    const f = await front({
      targets: [{ url: p.url }],
      maxAttempts: 5,
      rule: { failover: { on: ['ServerError'], maxAttempts: 5, backoff: { baseMs: 1000, maxMs: 1000 } } },
      dispatcher: { clock, random: () => 0.5 },
    });
    const asked = chat(f.port);
    await until(() => f.running[0]?.attempts[0]?.failure !== undefined, 'the first attempt has failed');
    expect(clock.pending, 'the wait and the deadlines').toBe(2);
    asked.request.destroy();
    const { attempts, outcome } = await f.finished();
    expect(clock.pending).toBe(1);
    clock.advance(5000);
    expect(clock.pending).toBe(0);
    expect(attempts).toHaveLength(1);
    expect(outcome).toMatchObject({ status: 499, cancelled: true });
    expect(p.count).toBe(1);
  });

  it('while the connection is being made', async () => {
    const sockets = new Set<net.Socket>();
    // It accepts and never speaks TLS, so the handshake hangs.
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.resume();
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    behind(() => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as net.AddressInfo;
    const f = await front({ targets: [{ url: `https://127.0.0.1:${port}/v1` }] });
    const asked = chat(f.port);
    await until(() => sockets.size === 1, 'a connection');
    asked.request.destroy();
    await until(() => sockets.size === 0, 'no connection');
    expect((await f.finished()).attempts[0]).toMatchObject({ cancelled: true });
  });

  it('after it has read everything is no cancel', async () => {
    const p = await provider();
    const f = await front({ targets: [{ url: p.url }] });
    await stream(f.port).answer;
    expect((await f.finished()).outcome).toMatchObject({ cancelled: false, status: 200 });
  });
});
