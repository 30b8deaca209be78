/** What a caller hears while the provider is silent. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Silence } from '../../../sidecar/dispatch/silence.ts';
import { readAnthropicStream } from '../dialects/validators/anthropic.ts';
import { readChatStream } from '../dialects/validators/openai-chat.ts';
import { type Asked, ask, stream, until } from './client.ts';
import type { FrontOptions } from './front.ts';
import { front, upstream } from './harness.ts';
import { VirtualClock } from './virtual-clock.ts';

const COMMENT = ': keep-alive\n\n';
const PING = 'event: ping\ndata: {"type":"ping"}\n\n';
const LONG = 10_000_000;
const TIMEOUTS = { firstTokenMs: LONG, interTokenMs: LONG, attemptMs: LONG, requestMs: LONG };

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;
const ROLE = chunk({ role: 'assistant', content: '' });
const REST = `${chunk({}, 'stop')}data: [DONE]\n\n`;

interface Scene {
  clock: VirtualClock;
  asked: Asked;
  /** What the provider says next. */
  say: (text: string) => void;
  end: (text: string) => void;
  /** What the caller has heard so far. */
  heard: () => string;
  /** Until the caller has heard so many bytes; all there are. */
  hears: (text: string) => Promise<void>;
}

async function scene(
  options: Partial<FrontOptions> = {},
  send: (port: number) => Asked = (port) => stream(port),
): Promise<Scene> {
  let res: ServerResponse | undefined;
  const up = await upstream((answer) => {
    answer.writeHead(200, { 'content-type': 'text/event-stream' });
    answer.flushHeaders();
    res = answer;
  });
  const clock = new VirtualClock();
  const f = await front({
    targets: [{ url: up.url }],
    ...options,
    timeouts: { ...TIMEOUTS, ...options.timeouts },
    dispatcher: { clock },
  });
  const asked = send(f.port);
  const bytes: Buffer[] = [];
  void asked.head.then((head: IncomingMessage) => head.on('data', (data: Buffer) => bytes.push(data)));
  await until(() => res !== undefined, 'the provider is asked');
  await until(() => f.running[0]?.attempts[0]?.headersAt !== undefined, 'it has answered');
  const heard = (): string => Buffer.concat(bytes).toString();
  return {
    clock,
    asked,
    say: (text) => void res?.write(text),
    end: (text) => void res?.end(text),
    heard,
    hears: async (text) => {
      await until(() => heard().length >= text.length, `the caller hears ${text.length} bytes`);
      expect(heard()).toBe(text);
    },
  };
}

/** Lets what was written arrive. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('silence', () => {
  it('is long after fifteen to twenty seconds without a byte, and again fifteen later', () => {
    const silence = new Silence(5000, 0);
    const long: number[] = [];
    let written = 0;
    for (let now = 10_000; now <= 100_000; now += 5000) {
      if (now === 60_000) written += 100;
      if (!silence.isLong(now, written)) continue;
      long.push(now);
      written += 10;
      silence.broken(now, written);
    }
    expect(long).toEqual([20_000, 35_000, 50_000, 75_000, 90_000]);
  });
});

describe('on a stream that nobody translates', () => {
  it('comments come between whole events, which stay as they are', async () => {
    const { clock, asked, say, end, heard, hears } = await scene();
    const said = ROLE + chunk({ content: 'Hi' });
    say(said);
    await hears(said);
    clock.advance(14_990);
    await settled();
    expect(heard()).toBe(said);
    clock.advance(5100);
    await hears(said + COMMENT);
    clock.advance(45_000);
    await hears(said + COMMENT.repeat(4));

    // Half an event is held back; it is no sign of life to the caller, and nothing comes into it.
    const more = chunk({ content: ' there' });
    say(more.slice(0, 30));
    await settled();
    clock.advance(15_000);
    await hears(said + COMMENT.repeat(5));
    say(more.slice(30));
    await hears(said + COMMENT.repeat(5) + more);
    clock.advance(14_000);
    end(REST);
    const { text, broken } = await asked.answer;
    expect(broken).toBe(false);
    expect(text.replaceAll(COMMENT, '')).toBe(said + more + REST);
    expect(readChatStream(Buffer.from(text)).choices[0]?.content).toBe('Hi there');
  });

  it('nothing comes before commit: another target may still answer', async () => {
    const { clock, say, heard, asked, end } = await scene({
      rule: { holdMaxMs: LONG },
      maxAttempts: 2,
    });
    say(ROLE);
    await settled();
    clock.advance(60_000);
    await settled();
    expect(heard()).toBe('');
    end(chunk({ content: 'Hi' }) + REST);
    expect((await asked.answer).text).toBe(ROLE + chunk({ content: 'Hi' }) + REST);
  });

  it('comments come where the answer was committed without an event', async () => {
    const { clock, say, end, hears, asked } = await scene({ rule: { holdMaxMs: 100 } });
    say('data: {"id":');
    await settled();
    clock.advance(200);
    expect((await asked.head).statusCode).toBe(200);
    clock.advance(20_100);
    await hears(COMMENT);
    end(`"chatcmpl-1","choices":[]}\n\n${ROLE}${chunk({ content: 'Hi' })}${REST}`);
    expect((await asked.answer).broken).toBe(false);
  });

  it('nothing comes into an event that is half out', async () => {
    const { clock, say, end, heard, asked } = await scene();
    const first = ROLE + chunk({ content: 'Hi' });
    const long = chunk({ content: 'x'.repeat(600_000) });
    say(first + long.slice(0, 400_000));
    await until(() => heard().length > first.length, 'a piece of it is handed on');
    await settled();
    clock.advance(100_000);
    await settled();
    expect(heard()).not.toContain(COMMENT);
    end(long.slice(400_000) + REST);
    expect((await asked.answer).text).toBe(first + long + REST);
  });

  it('they are no progress of the provider', async () => {
    const { clock, say, hears, asked } = await scene({ timeouts: { interTokenMs: 40_000 } });
    const said = ROLE + chunk({ content: 'Hi' });
    say(said);
    await hears(said);
    clock.advance(39_000);
    await hears(said + COMMENT.repeat(2));
    clock.advance(1100);
    expect((await asked.answer).text).toContain('interToken 40s');
  });
});

describe('on a translated stream for a client of Anthropic', () => {
  const messages = (port: number): Asked =>
    ask(port, {
      path: '/v1/messages',
      headers: { 'anthropic-version': '2023-06-01' },
      body: JSON.stringify({
        model: 'asked',
        max_tokens: 100,
        stream: true,
        messages: [{ role: 'user', content: 'hello' }],
      }),
    });

  it('pings come, by its rules', async () => {
    const { clock, say, end, heard, asked } = await scene({}, messages);
    say(ROLE + chunk({ content: 'Hi' }));
    await until(() => heard().includes('"Hi"'), 'text');
    expect(heard()).not.toContain('ping');
    clock.advance(50_100);
    await until(() => heard().split(PING).length === 4, 'three pings');
    // What the provider says is nothing to the caller: a chunk that only repeats the role.
    say(ROLE);
    await settled();
    clock.advance(15_000);
    await until(() => heard().split(PING).length === 5, 'another one');
    end(REST);
    const { text } = await asked.answer;
    expect(readAnthropicStream(Buffer.from(text)).blocks).toMatchObject([{ type: 'text', text: 'Hi' }]);
    expect(text).not.toContain(COMMENT);
  });

  it('comments come before the message: a ping has no place there', async () => {
    const { clock, say, end, heard, asked } = await scene({ rule: { holdMaxMs: 100 } }, messages);
    say(': thinking\n\n');
    await settled();
    clock.advance(200);
    expect((await asked.head).statusCode).toBe(200);
    clock.advance(20_100);
    await until(() => heard() === COMMENT, 'a comment');
    end(ROLE + chunk({ content: 'Hi' }) + REST);
    const { text } = await asked.answer;
    expect(readAnthropicStream(Buffer.from(text)).blocks).toMatchObject([{ type: 'text', text: 'Hi' }]);
  });
});
