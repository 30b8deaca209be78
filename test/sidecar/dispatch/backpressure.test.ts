/** A caller that reads slowly slows the provider down, and is let go when it stops reading. */
import { describe, expect, it } from 'vitest';
import { chat, collect, standsStill, stream, until } from './client.ts';
import { front, upstream } from './harness.ts';
import { VirtualClock } from './virtual-clock.ts';

const EVENT = `data: ${JSON.stringify({
  choices: [{ index: 0, delta: { content: 'z'.repeat(4000) }, finish_reason: null }],
})}\n\n`;
const LAST = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

/** Writes as much as the other side takes, up to `total` bytes, and counts. */
function flood(total: number) {
  const state = { written: 0, closed: false };
  const server = upstream((res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.on('close', () => (state.closed = true));
    const fill = (): void => {
      while (state.written < total && !res.destroyed) {
        state.written += EVENT.length;
        if (!res.write(EVENT)) return void res.once('drain', fill);
      }
      if (!res.destroyed) res.end(LAST);
    };
    fill();
  });
  return { state, server };
}

describe('backpressure', () => {
  it('reaches the provider, whatever the size of the stream', async () => {
    const total = 64 * 1024 * 1024;
    const { state, server } = flood(total);
    const u = await server;
    const f = await front({ targets: [{ url: u.url, body: { streamUsage: 'Never' } }] });
    const asked = stream(f.port);
    const response = await asked.head;
    response.pause();
    await standsStill(() => state.written, 'the provider stands still');
    expect(state.written, 'a few socket buffers').toBeLessThan(total / 4);
    expect(f.memory.used).toBe(0);
    asked.request.destroy();
    await f.finished();
  });

  it('does not time a provider that we pause ourselves', async () => {
    const { state, server } = flood(24 * 1024 * 1024);
    const u = await server;
    const clock = new VirtualClock();
    const f = await front({
      targets: [{ url: u.url, body: { streamUsage: 'Never' } }],
      timeouts: { interTokenMs: 1000, clientStallMs: 15_000 },
      dispatcher: { clock },
    });
    const asked = stream(f.port);
    const response = await asked.head;
    response.pause();
    await standsStill(() => state.written, 'the provider stands still');
    clock.advance(10_000);
    const rest = collect(response);
    response.resume();
    const answer = await rest;
    expect(answer.text.endsWith(LAST)).toBe(true);
    expect((await f.finished()).outcome).toMatchObject({ broken: false, cancelled: false });
  });

  it('lets a caller go that does not read at all, and blames nobody else', async () => {
    const { state, server } = flood(64 * 1024 * 1024);
    const u = await server;
    const f = await front({ targets: [{ url: u.url }], timeouts: { clientStallMs: 50 } });
    const asked = stream(f.port);
    (await asked.head).pause();
    const { attempts, outcome } = await f.finished();
    expect(outcome).toMatchObject({ errorCode: 'client_stalled', cancelled: false });
    expect(attempts[0]).toMatchObject({ failure: undefined, cancelled: true });
    await until(() => state.closed, 'the provider is let go');
    expect(f.dispatcher.health.ejection(f.candidates[0] as never, performance.now())).toBeUndefined();
  });

  it('lets a caller go that does not read the end', async () => {
    const body = Buffer.alloc(7 * 1024 * 1024, 'x');
    const u = await upstream((res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(`{"choices":[{"message":{"content":"${body.toString()}"},"finish_reason":"stop"}]}`);
    });
    const f = await front({ targets: [{ url: u.url }], timeouts: { clientStallMs: 60 } });
    const asked = chat(f.port);
    (await asked.head).pause();
    const { outcome } = await f.finished();
    expect(outcome).toMatchObject({ status: 200, errorCode: 'client_stalled' });
  });
});
