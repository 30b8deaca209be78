import { afterEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import type { Snapshot } from '../../../sidecar/snapshot/schema.ts';
import type { AffinityBody } from '../../../sidecar/snapshot/shapes/affinity.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { callJson } from '../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const NAMES = ['a', 'b', 'c'] as const;
const PRICES = { input: 2_000_000, cacheRead: 200_000, output: 8_000_000 };

async function providers(): Promise<Record<string, ScriptedProvider>> {
  const started = await Promise.all(NAMES.map(() => startScriptedProvider()));
  cleanups.push(...started.map((provider) => () => provider.close()));
  return Object.fromEntries(NAMES.map((name, i) => [name, started[i] as ScriptedProvider]));
}

function configuration(served: Record<string, ScriptedProvider>, affinity: AffinityBody): Snapshot['items'] {
  const models = [{ name: 'm', upstreamName: 'm', prices: PRICES }];
  const targets = NAMES.map((name) => target(name, { model: 'm' }));
  return [
    ...NAMES.map((name) => providerItem(name, served[name]?.url ?? '', { models, openModels: false })),
    { ...routeItem('assistant', ['assistant'], [rule(targets, { affinity })]), requires: ['affinity'] },
  ];
}

async function start(items: Snapshot['items']): Promise<TestSidecar> {
  const sidecar = await startTestSidecar(items);
  cleanups.push(() => sidecar.close());
  return sidecar;
}

const LONG = 'All of it matters. '.repeat(600);
async function ask(sidecar: TestSidecar, members: object, turns = 1): Promise<string> {
  const later = Array.from({ length: turns - 1 }, (_, i) => ({
    role: i % 2 ? 'user' : 'assistant',
    content: `turn ${i}`,
  }));
  const messages = [{ role: 'system', content: LONG }, { role: 'user', content: 'Hello' }, ...later];
  const answer = await callJson(`${sidecar.url}/v1/chat/completions`, {
    model: 'assistant',
    messages,
    ...members,
  });
  expect(answer.status).toBe(200);
  return String(answer.headers['x-outrider-target']);
}

describe('affinity over HTTP', () => {
  it('keeps conversations where they are, in two pods that know nothing of each other', async () => {
    const items = configuration(await providers(), { by: 'Conversation' });
    const [one, other] = [await start(items), await start(items)];
    const seen = new Map<string, string>();
    for (let i = 0; i < 36; i++) {
      const id = `thread ${i % 9}`;
      const at = await ask(i % 2 ? one : other, { prompt_cache_key: id }, 1 + Math.floor(i / 9));
      expect(seen.get(id) ?? at).toBe(at);
      seen.set(id, at);
    }
    expect(new Set(seen.values()).size).toBeGreaterThan(1);
    // Without an id, the way a conversation begins says which it is.
    const begun = await ask(one, {});
    expect(await ask(other, {}, 5)).toBe(begun);
  });

  it('stays with a warm cache while that costs less, and goes home when the vendor has forgotten', async () => {
    const served = await providers();
    const sidecar = await start(configuration(served, { by: 'PromptPrefix', promptCache: {} }));
    const owner = await ask(sidecar, {});
    for (const provider of Object.values(served)) provider.behaviour = { cachedTokens: 2400 };
    const sick = served[owner] as ScriptedProvider;
    sick.behaviour = { failure: { kind: 'Status', status: 503 } };
    const refuge = await ask(sidecar, {});
    expect(refuge).not.toBe(owner);
    await until(() => sidecar.rows.length === 3);
    // The owner is well again, and cold as far as anybody knows.
    sick.behaviour = { cachedTokens: 0 };
    expect(await ask(sidecar, {})).toBe(refuge);
    const id = sidecar.rows.at(-1)?.request;
    expect(id).toBeDefined();
    // Nothing is cached there any more, says its next answer.
    (served[refuge] as ScriptedProvider).behaviour = { cachedTokens: 0 };
    expect(await ask(sidecar, {})).toBe(refuge);
    await until(() => sidecar.rows.length === 5);
    expect(await ask(sidecar, {})).toBe(owner);
  });
});
