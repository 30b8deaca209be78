/** When a response is handed to the caller. */
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { collect, stream, until } from './client.ts';
import { front, provider, type RawUpstream, upstream } from './harness.ts';

const event = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const ROLE = event({ role: 'assistant', content: '' });

/** An upstream whose streams the test writes by hand. */
async function scripted(): Promise<{ u: RawUpstream; open: ServerResponse[] }> {
  const open: ServerResponse[] = [];
  const u = await upstream((res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.flushHeaders();
    open.push(res);
  });
  return { u, open };
}

/** Whether the caller has got its response head by the time the provider surely was heard. */
async function seesHead(asked: { head: Promise<unknown> }): Promise<boolean> {
  const none = Symbol('none');
  const later = new Promise((resolve) => setTimeout(() => resolve(none), 30));
  return (await Promise.race([asked.head, later])) !== none;
}

describe('commit', () => {
  const COMMITTING: [string, object, string | null][] = [
    ['content', { content: 'x' }, null],
    ['a refusal', { refusal: 'no' }, null],
    ['reasoning', { reasoning_content: 'hm' }, null],
    ['audio', { audio: { data: 'AA==' } }, null],
    ['a tool call id', { tool_calls: [{ index: 0, id: 'call_1' }] }, null],
    ['a tool call name', { tool_calls: [{ index: 0, function: { name: 'f', arguments: '' } }] }, null],
    ['a finish reason', {}, 'stop'],
  ];

  it.each(COMMITTING)('comes with %s', async (_, delta, finish) => {
    const { u, open } = await scripted();
    const spare = await provider();
    const f = await front({ targets: [{ url: u.url, body: { streamUsage: 'Never' } }, { url: spare.url }] });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    open[0]?.write(event(delta, finish));
    const response = await asked.head;
    open[0]?.end(finish === null ? event({}, 'stop') : '');
    expect((await collect(response)).text).toContain(event(delta, finish));
  });

  const WAITING: [string, string][] = [
    ['a role', ROLE],
    ['empty content', event({ content: '' })],
    ['no choices', 'data: {"choices":[]}\n\n'],
    ['a comment', ': OPENROUTER PROCESSING\n\n'],
    ['half an event', event({ content: 'x' }).slice(0, -1)],
  ];

  it.each(WAITING)('does not come with %s while another target could take over', async (_, text) => {
    const { u, open } = await scripted();
    const spare = await provider();
    const f = await front({ targets: [{ url: u.url }, { url: spare.url }] });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    open[0]?.write(text);
    expect(await seesHead(asked)).toBe(false);
    open[0]?.destroy();
    const answer = await asked.answer;
    expect(answer.headers['x-outrider-target']).toBe('t1');
    expect(answer.text).not.toContain('OPENROUTER');
  });

  it('comes with the first event, a role or not, when nothing else could take over', async () => {
    const { u, open } = await scripted();
    const f = await front({ targets: [{ url: u.url }] });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    open[0]?.write(': ping\n\n');
    expect(await seesHead(asked), 'a comment is no event').toBe(false);
    open[0]?.write(ROLE);
    const response = await asked.head;
    open[0]?.end(event({}, 'stop'));
    expect((await collect(response)).text).toBe(`: ping\n\n${ROLE}${event({}, 'stop')}`);
  });

  it('comes at holdMax when the provider is alive, with everything held so far', async () => {
    const { u, open } = await scripted();
    const spare = await provider();
    const f = await front({ targets: [{ url: u.url }, { url: spare.url }], rule: { holdMaxMs: 60 } });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    open[0]?.write(ROLE);
    const response = await asked.head;
    const { committedAt, headersAt } = f.exchanges[0]?.attempts[0] ?? {};
    expect([committedAt, headersAt], 'still running').toEqual([undefined, undefined]);
    open[0]?.end(event({}, 'stop'));
    expect((await collect(response)).text).toBe(ROLE + event({}, 'stop'));
    const [attempt] = (await f.finished()).attempts;
    expect((attempt?.committedAt ?? 0) - (attempt?.headersAt ?? 0)).toBeGreaterThanOrEqual(60);
    expect(spare.count).toBe(0);
  });

  it('does not come at holdMax when the provider has not sent a byte', async () => {
    const { u, open } = await scripted();
    const spare = await provider();
    const f = await front({ targets: [{ url: u.url }, { url: spare.url }], rule: { holdMaxMs: 10 } });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    expect(await seesHead(asked)).toBe(false);
    open[0]?.destroy();
    expect((await asked.answer).headers['x-outrider-target']).toBe('t1');
  });

  it('comes with the first sign of life behind holdMax', async () => {
    const { u, open } = await scripted();
    const spare = await provider();
    const f = await front({ targets: [{ url: u.url }, { url: spare.url }], rule: { holdMaxMs: 10 } });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    expect(await seesHead(asked)).toBe(false);
    open[0]?.write(': thinking\n\n');
    const response = await asked.head;
    open[0]?.end(event({ content: 'x' }, 'stop'));
    expect((await collect(response)).text).toContain(': thinking');
  });

  it('takes a stop reason without content for an answer', async () => {
    const { u, open } = await scripted();
    const spare = await provider();
    const f = await front({ targets: [{ url: u.url }, { url: spare.url }] });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    open[0]?.end(`${event({}, 'stop')}data: [DONE]\n\n`);
    const answer = await asked.answer;
    expect(answer.headers['x-outrider-target']).toBe('t0');
    expect((await f.finished()).attempts[0]).toMatchObject({ failure: undefined, finishReasons: ['stop'] });
  });

  it('takes an end marker alone for a failure', async () => {
    const { u, open } = await scripted();
    const spare = await provider();
    const f = await front({ targets: [{ url: u.url }, { url: spare.url }] });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    open[0]?.end('data: [DONE]\n\n');
    expect((await asked.answer).headers['x-outrider-target']).toBe('t1');
  });

  it('ends for the caller when the last event came, even if the provider never hangs up', async () => {
    const { u, open } = await scripted();
    const f = await front({ targets: [{ url: u.url }], timeouts: { interTokenMs: 60_000 } });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    const text = `${event({ content: 'x' }, 'stop')}data: [DONE]\n\n`;
    open[0]?.write(text);
    const answer = await asked.answer;
    expect(answer.text).toBe(text);
    expect((await f.finished()).attempts[0]).toMatchObject({ failure: undefined });
  });

  it('holds a partial event back, and drops it when the stream breaks inside', async () => {
    const { u, open } = await scripted();
    const f = await front({ targets: [{ url: u.url, body: { streamUsage: 'Never' } }] });
    const asked = stream(f.port);
    await until(() => open.length === 1, 'a stream');
    const whole = event({ content: 'whole' });
    open[0]?.write(whole + event({ content: 'half' }).slice(0, 20));
    const response = await asked.head;
    open[0]?.destroy();
    const answer = await collect(response);
    expect(answer.broken).toBe(false);
    expect(answer.text.startsWith(`${whole}data: {"error":`)).toBe(true);
  });

  it('forwards an event that is too long to hold as it comes, and resets when it breaks inside', async () => {
    const { u, open } = await scripted();
    const f = await front({ targets: [{ url: u.url, body: { streamUsage: 'Never' } }] });
    for (const breaks of [false, true]) {
      const asked = stream(f.port);
      await until(() => open.length === (breaks ? 2 : 1), 'a stream');
      const long = event({ content: 'y'.repeat(600_000) });
      const res = open.at(-1) as ServerResponse;
      res.write(long.slice(0, 500_000));
      const response = await asked.head;
      if (breaks) res.destroy();
      else res.end(long.slice(500_000) + event({}, 'stop'));
      const answer = await collect(response);
      expect(answer.broken).toBe(breaks);
      const sent = breaks ? long.slice(0, 500_000) : long + event({}, 'stop');
      expect(sent.startsWith(answer.text)).toBe(true);
      expect(answer.text.length === sent.length || breaks).toBe(true);
    }
  });
});
