/** A target that takes requests and says nothing: those that wait go on to another one, and nobody else is sent there. */
import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { chat, until } from './client.ts';
import { front, upstream } from './harness.ts';
import { VirtualClock } from './virtual-clock.ts';

const BODY = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});
const whole = (res: ServerResponse): void => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(BODY) });
  res.end(BODY);
};

it('is left by all who wait there once five hear nothing for long, and by nobody before', async () => {
  let silent = false;
  let waiting = 0;
  const a = await upstream((res) => {
    if (silent) waiting++;
    else whole(res);
  });
  const b = await upstream((res) => whole(res));
  const clock = new VirtualClock();
  const f = await front({
    targets: [
      { url: a.url, key: 'sk-a' },
      { url: b.url, key: 'sk-b' },
    ],
    dispatcher: { clock },
  });
  for (let i = 0; i < 40; i++) expect((await chat(f.port).answer).status).toBe(200);
  silent = true;
  const asked = Array.from({ length: 4 }, () => chat(f.port).answer);
  await until(() => waiting === 4, 'four that wait');
  for (let i = 0; i < 40; i++) clock.advance(50);
  const fifth = chat(f.port).answer;
  await until(() => waiting === 5, 'five that wait');
  expect(f.exchanges.length, 'four may be chance').toBe(40);
  for (let i = 0; i < 12; i++) clock.advance(50);
  const answers = await Promise.all([...asked, fifth]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const codes = f.exchanges.slice(40).map(({ attempts }) => attempts.map(({ errorCode }) => errorCode));
  expect(codes).toEqual(asked.map(() => ['silence', undefined]).concat([['silence', undefined]]));
  await chat(f.port).answer;
  expect(waiting, 'ejected').toBe(5);
});
