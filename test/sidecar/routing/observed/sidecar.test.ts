/** In a running sidecar: what requests do is seen, later requests go by it, and `/explain` shows it. */
import http, { type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { RuleBody } from '../../../../sidecar/snapshot/schema.ts';
import { providerItem, routeItem, rule, target } from '../../support/configuration.ts';
import { callJson } from '../../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../../support/sidecar.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Answers when it is told to. */
async function vendor() {
  const waiting: ServerResponse[] = [];
  const server = http.createServer((req, res) => {
    req.resume();
    waiting.push(res);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    waiting,
    async answer() {
      await until(() => waiting.length > 0);
      const usage = { prompt_tokens: 10, completion_tokens: 700, total_tokens: 710 };
      const message = { role: 'assistant', content: 'Hello' };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      const body = { id: 'x', object: 'chat.completion', created: 1, model: 'm', choices, usage };
      waiting.shift()?.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    },
  };
}

type Vendor = Awaited<ReturnType<typeof vendor>>;

async function start(type: RuleBody['strategy']['type'], vendors: Vendor[]): Promise<TestSidecar> {
  const names = ['a', 'b'];
  const models = [{ name: 'm', upstreamName: 'm', prices: { input: 1_000_000, output: 2_000_000 } }];
  const sidecar = await startTestSidecar([
    ...vendors.map(({ url }, i) => providerItem(names[i] ?? '', url, { models })),
    routeItem(
      'r',
      ['m'],
      [
        rule(
          names.slice(0, vendors.length).map((name) => target(name)),
          { strategy: { type } },
        ),
      ],
    ),
  ]);
  closers.push(() => sidecar.close());
  return sidecar;
}

const POLL = { timeout: 8000, interval: 5 };
const ASK = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const ask = ({ url }: TestSidecar) => callJson(`${url}/v1/chat/completions`, ASK);
async function details({ adminUrl }: TestSidecar): Promise<string[]> {
  const { text } = await callJson(`${adminUrl}/explain`, ASK);
  return (JSON.parse(text) as { targets: { detail: string }[] }).targets.map(({ detail }) => detail);
}

it('counts what is under way, and spreads by it', async () => {
  const [a, b] = [await vendor(), await vendor()];
  const sidecar = await start('LeastRequests', [a, b]);
  const answers = [ask(sidecar)];
  await until(() => a.waiting.length + b.waiting.length === 1);
  answers.push(ask(sidecar));
  await until(() => a.waiting.length + b.waiting.length === 2);
  expect([a.waiting.length, b.waiting.length]).toEqual([1, 1]);
  expect(await details(sidecar)).toEqual([
    expect.stringContaining('1 under way from this pod, for weight 1'),
    expect.stringContaining('1 under way from this pod, for weight 1'),
  ]);
  await a.answer();
  await expect.poll(() => details(sidecar), POLL).toContainEqual(expect.stringContaining('0 under way'));
  answers.push(ask(sidecar));
  await until(() => a.waiting.length === 1);
  expect(b.waiting.length).toBe(1);
  await Promise.all([a.answer(), b.answer()]);
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

it('learns how long answers are, and what requests will cost', async () => {
  const only = await vendor();
  const sidecar = await start('Cost', [only]);
  const single = await start('Cost', [only, only]);
  expect((await details(single))[0]).toMatch(
    /; about \$[0-9.]+ is expected: \d+ tokens of input, 256 tokens of output \(not learned yet\)$/,
  );
  // With one target there is nothing to rank, and nothing is learned for it.
  for (const one of [sidecar, single]) {
    for (let i = 0; i < 3; i++) {
      const answer = ask(one);
      await only.answer();
      expect((await answer).status).toBe(200);
    }
  }
  await expect
    .poll(() => details(single), POLL)
    .toContainEqual(expect.stringMatching(/learned from [123] answers/));
  expect((await details(sidecar))[0]).toContain('256 tokens of output (not learned yet)');
});

it('tells how long it expects to wait', async () => {
  const [a, b] = [await vendor(), await vendor()];
  const sidecar = await start('Latency', [a, b]);
  expect((await details(sidecar))[0]).toContain('time to the first content is not known yet');
  const answer = ask(sidecar);
  await until(() => a.waiting.length + b.waiting.length === 1);
  const asked = a.waiting.length === 1 ? 0 : 1;
  await [a, b][asked]?.answer();
  expect((await answer).status).toBe(200);
  await expect.poll(async () => (await details(sidecar))[asked], POLL).toMatch(/is expected after \d+ ms/);
});
