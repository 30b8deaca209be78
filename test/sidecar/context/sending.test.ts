/** What providers are sent, and apps and the ledger are told, over real HTTP: a sidecar, an app, and two providers. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ScriptedProvider,
  type ScriptedProviderOptions,
  startScriptedProvider,
} from '../../../dev/providers/server.ts';
import type { ProviderBody, RuleBody } from '../../../sidecar/snapshot/schema.ts';
import type { SummaryBody } from '../../../sidecar/snapshot/shapes/context.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { call } from '../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';
import { DIALECTS, type Written } from './conversations.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function scripted(options: ScriptedProviderOptions = {}): Promise<ScriptedProvider> {
  const provider = await startScriptedProvider(options);
  closing.push(() => provider.close());
  return provider;
}

async function sidecarFor(
  main: ScriptedProvider,
  cheap: ScriptedProvider,
  body: Partial<RuleBody>,
  more: { main?: Partial<ProviderBody>; patch?: { name: string; value: unknown }[] } = {},
): Promise<TestSidecar> {
  const patch = { set: more.patch ?? [], default: [], remove: [], headers: [] };
  const item = routeItem('chat', ['assistant'], [rule([target('main', { model: 'large', patch })], body)]);
  if (item.body) item.body.chargeback = { key: [{ by: 'Workload' }, { by: 'Header', header: 'x-team' }] };
  const sidecar = await startTestSidecar(
    [item, providerItem('main', main.url, more.main), providerItem('cheap', cheap.url)],
    { pod: { namespace: 'shop', workload: 'web' } },
  );
  closing.push(() => sidecar.close());
  return sidecar;
}

const summarize = (more: Partial<SummaryBody> = {}): SummaryBody => ({
  target: target('cheap', { model: 'small' }),
  timeoutMs: 2000,
  maxInputTokens: 4000,
  cacheMs: 60_000,
  afterTokens: 256,
  keepLast: 1,
  maxOutputTokens: 100,
  ...more,
});

const said = (turns: number) => ({
  system: 'be brief',
  turns: Array.from({ length: turns }, (_, i) => ({
    user: `question ${i} ${'word '.repeat(200)}`,
    rounds: [],
    answer: `answer ${i}`,
  })),
  open: [],
  last: 'and now?',
  thinks: 'Never' as const,
});
const PATHS: Readonly<Record<string, string>> = {
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
  'anthropic-messages': '/v1/messages',
};

function ask(sidecar: TestSidecar, written: Written, turns: number, more: object = {}) {
  return call(sidecar.url + PATHS[written.dialect.name], {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-team': 'search', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({ ...written.write(said(turns)), model: 'assistant', ...more }),
  });
}
const bodies = (provider: ScriptedProvider) =>
  provider.requests.map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);

describe('a shortened conversation', () => {
  it.each(DIALECTS)('reaches the provider out of $dialect.name', async (written) => {
    const [main, cheap] = [await scripted(), await scripted()];
    const sidecar = await sidecarFor(main, cheap, { context: { keepLast: 2 } });
    const answer = await ask(sidecar, written, 5);
    expect(answer.status).toBe(200);
    expect(answer.headers['x-outrider-warnings']).toMatch(/context: 4 of 6 turns left out: about \d+ of \d+/);
    const [sent] = bodies(main);
    const text = JSON.stringify(sent);
    expect(text).toContain('question 4');
    expect(text).toContain('and now?');
    expect(text).not.toContain('question 3');
    await until(() => sidecar.rows.length === 1);
    expect(sidecar.rows[0]).toMatchObject({ key: 'web/search' });
    expect(sidecar.rows[0]?.savedTokens).toBeGreaterThan(900);
  });

  it('has a summary in it, which is asked for once and is a row of its own', async () => {
    const [main, cheap] = [
      await scripted(),
      await scripted({ behaviour: { text: 'They asked five times.' } }),
    ];
    const sidecar = await sidecarFor(main, cheap, { context: { summarize: summarize() } });
    const chat = DIALECTS[0] as Written;
    for (const _ of [1, 2]) expect((await ask(sidecar, chat, 5)).status).toBe(200);
    expect(bodies(cheap)).toHaveLength(1);
    const [asked] = bodies(cheap) as { messages: { content: string }[]; max_tokens: number }[];
    expect(asked?.max_tokens).toBe(100);
    expect(asked?.messages[1]?.content).toContain('User: question 4');
    const sent = bodies(main) as { messages: { role: string; content: string }[] }[];
    for (const { messages } of sent) {
      expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user']);
      expect(messages[1]?.content).toContain('They asked five times.');
    }
    await until(() => sidecar.rows.length === 3);
    expect(sidecar.rows[0]).toMatchObject({
      purpose: 'Summary',
      rule: 'context.summarize',
      key: 'web/search',
    });
    expect(sidecar.rows.slice(1).every(({ savedTokens = 0 }) => savedTokens > 900)).toBe(true);
  });

  it('does without a summary that cannot be had, or stays whole, as the rule says', async () => {
    const [main, cheap] = [
      await scripted(),
      await scripted({ behaviour: { failure: { kind: 'Status', status: 400 } } }),
    ];
    const chat = DIALECTS[0] as Written;
    const cut = await sidecarFor(main, cheap, { context: { summarize: summarize() } });
    await ask(cut, chat, 5);
    const whole = await sidecarFor(main, cheap, { context: { summarize: summarize({ onFailure: 'Pass' }) } });
    await ask(whole, chat, 5);
    const counts = (bodies(main) as { messages: object[] }[]).map(({ messages }) => messages.length);
    expect(counts).toEqual([2, 12]);
  });

  it('is left as it is where the provider keeps a part of it', async () => {
    const [main, cheap] = [await scripted(), await scripted()];
    const sidecar = await sidecarFor(main, cheap, { context: { keepLast: 1 } }, { main: { type: 'OpenAI' } });
    await ask(sidecar, DIALECTS[1] as Written, 5, { previous_response_id: 'resp_1', store: true });
    expect(bodies(main)[0]).toMatchObject({ input: { length: 11 } });
  });
});

describe('a cap on answers', () => {
  const capped = async (asked: object, more: Parameters<typeof sidecarFor>[3] = {}, form = 0) => {
    const [main, cheap] = [await scripted(), await scripted()];
    const sidecar = await sidecarFor(main, cheap, { maxOutputTokens: 50 }, more);
    const answer = await ask(sidecar, DIALECTS[form] as Written, 1, asked);
    return { sent: bodies(main)[0] ?? {}, warnings: answer.headers['x-outrider-warnings'] };
  };

  it('lowers what is asked for, adds what is not said, and leaves less alone', async () => {
    expect(await capped({ max_tokens: 400 })).toMatchObject({
      sent: { max_tokens: 50 },
      warnings: 'context: at most 50 output tokens; the caller allows 400',
    });
    expect((await capped({})).sent['max_tokens'] ?? (await capped({})).sent['max_completion_tokens']).toBe(
      50,
    );
    expect((await capped({ max_completion_tokens: 20 })).sent).toMatchObject({ max_completion_tokens: 20 });
    expect((await capped({}, { main: { type: 'OpenAI' } })).sent).toMatchObject({
      max_completion_tokens: 50,
    });
  });

  it('holds against what a target sets, and across dialects', async () => {
    const patch = [{ name: 'max_tokens', value: 9000 }];
    expect((await capped({}, { patch })).sent).toMatchObject({ max_tokens: 50 });
    const { sent } = await capped({ max_tokens: 4000 }, {}, 2);
    expect(sent['max_tokens'] ?? sent['max_completion_tokens']).toBe(50);
  });

  it('takes thinking back that would not fit below it', async () => {
    const thinking = { type: 'enabled', budget_tokens: 2000 };
    const { sent } = await capped({ thinking }, { main: { type: 'Anthropic' } }, 2);
    expect(sent).toMatchObject({ max_tokens: 50, thinking: { type: 'disabled' } });
  });
});
