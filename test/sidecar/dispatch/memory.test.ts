/** What is held for a request is accounted for, bounded, and let go as early as possible. */
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { chat, collect, stream, until } from './client.ts';
import { front, provider, upstream } from './harness.ts';

const MIB = 1024 * 1024;
const answerOf = (bytes: number) =>
  `{"choices":[{"message":{"content":"${'x'.repeat(bytes)}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`;
const event = (content: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;

const answering = (body: string) =>
  upstream((res) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    res.end(body);
  });

describe('a complete body', () => {
  it('is read whole up to 8 MiB', async () => {
    const u = await answering(answerOf(7 * MIB));
    const f = await front({ targets: [{ url: u.url }] });
    expect((await chat(f.port).answer).body.length).toBeGreaterThan(7 * MIB);
    expect((await f.finished()).attempts[0]?.rawUsage).toMatchObject({ completion_tokens: 2 });
  });

  it('is handed on as it comes beyond that, with its length', async () => {
    const body = answerOf(12 * MIB);
    const u = await answering(body);
    const f = await front({ targets: [{ url: u.url }] });
    const answer = await chat(f.port).answer;
    expect(answer.headers['content-length']).toBe(String(body.length));
    expect(answer.text === body).toBe(true);
    const { attempts, outcome } = await f.finished();
    expect(attempts[0]).toMatchObject({ failure: undefined, rawUsage: undefined });
    expect(attempts[0]?.outputBytes).toBe(body.length);
    expect(outcome).toMatchObject({ broken: false, responseBytes: body.length });
  });

  it('is handed on as it comes when there is no room to hold it', async () => {
    const body = answerOf(3 * MIB);
    const u = await answering(body);
    const f = await front({ targets: [{ url: u.url }], memoryLimit: MIB });
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(200);
    expect(answer.text === body).toBe(true);
    expect(f.memory.used).toBe(0);
  });
});

describe('a stream', () => {
  async function byHand(limit?: number) {
    const open: ServerResponse[] = [];
    const u = await upstream((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.flushHeaders();
      open.push(res);
    });
    const spare = await provider();
    const f = await front({
      targets: [{ url: u.url, body: { streamUsage: 'Never' } }, { url: spare.url }],
      ...(limit === undefined ? {} : { memoryLimit: limit }),
    });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    return { f, asked, res: open[0] as ServerResponse };
  }

  it('is accounted for while it is held back, and only then', async () => {
    const { f, asked, res } = await byHand();
    res.write(`: ${'c'.repeat(50_000)}\n\n`);
    await until(() => f.memory.used >= 50_000, 'held bytes are accounted for');
    res.write(event('x'));
    const response = await asked.head;
    expect(f.memory.used).toBe(0);
    res.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n');
    await collect(response);
  });

  it('is not held back where there is no room, nor without end', async () => {
    for (const limit of [10_000, 64 * MIB]) {
      const { asked, res } = await byHand(limit);
      for (let i = 0; i < 30; i++) res.write(`: ${'c'.repeat(10_000)}\n\n`);
      const response = await asked.head;
      expect(response.headers['x-outrider-target']).toBe('t0');
      res.end(event('x'));
      await collect(response);
    }
  });

  it('holds a long partial event within the budget, and forwards it in pieces beyond', async () => {
    const { f, asked, res } = await byHand(100_000);
    res.write(event('first'));
    const response = await asked.head;
    const answer = collect(response);
    const long = event('y'.repeat(200_000));
    res.write(long.slice(0, 40_000));
    await until(() => f.memory.used >= 40_000, 'the partial event is accounted for');
    res.write(long.slice(40_000, 150_000));
    await until(() => f.memory.used === 0, 'it went out');
    res.end(`${long.slice(150_000)}data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n`);
    const { text, broken } = await answer;
    expect(text.includes(long)).toBe(true);
    expect(broken).toBe(false);
  });
});

describe('a request body', () => {
  const released = async (f: Awaited<ReturnType<typeof front>>) => {
    await until(
      () => f.running.length > 0 && f.running[0]?.envelope?.body.length === 0,
      'the body is let go',
    );
    return f.running[0]?.committedAt !== undefined;
  };

  it('is let go at commit', async () => {
    const p = await provider({ failure: { kind: 'Stall', afterEvents: 3 } });
    const spare = await provider();
    const f = await front({ targets: [{ url: p.url }, { url: spare.url }] });
    const asked = stream(f.port);
    await asked.head;
    expect(await released(f)).toBe(true);
    asked.request.destroy();
    await f.finished();
  });

  it('is let go when the last candidate answers well, even before commit', async () => {
    const p = await provider({ failure: { kind: 'HangAfterHeaders' } });
    const f = await front({ targets: [{ url: p.url }] });
    const asked = chat(f.port);
    expect(await released(f)).toBe(false);
    asked.request.destroy();
    await f.finished();
  });

  it('is kept while another candidate may need it', async () => {
    const p = await provider({ failure: { kind: 'EmptyStream' } });
    const q = await provider();
    const f = await front({ targets: [{ url: p.url }, { url: q.url }] });
    expect((await stream(f.port).answer).status).toBe(200);
    expect(q.requests[0]?.body.length).toBeGreaterThan(0);
  });
});
