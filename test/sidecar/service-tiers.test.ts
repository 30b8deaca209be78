/** Over HTTP, at every vendor: what is billed is what the answer says it was served in, asked for or not. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../dev/providers/server.ts';
import type { ServiceTier } from '../../sidecar/accounting/service-tier.ts';
import type { FullPrices } from '../../sidecar/snapshot/schema.ts';
import { CALLERS, call } from './matrix/callers.ts';
import { VENDORS } from './matrix/vendors.ts';
import { providerItem, routeItem, rule, target } from './support/configuration.ts';
import { startTestSidecar, type TestSidecar } from './support/sidecar.ts';

/** What a token costs tells which table was used. */
const flat = (price: number): FullPrices => ({ input: price, cacheRead: price, output: price });
const PRICES: FullPrices = {
  ...flat(2000),
  services: { Priority: flat(7000), Reserved: flat(0), Fast: flat(11_000) },
};
const UNKNOWN = undefined;

/** Word of the vendor, what it means, and nano-dollars per token. */
const SERVED: Record<string, [string | undefined, ServiceTier | undefined, number | undefined][]> = {
  'openai-chat': [
    [undefined, 'Standard', 2],
    ['priority', 'Priority', 7],
    ['scale', 'Reserved', 0],
    ['on_demand', 'Standard', 2],
    ['auto', undefined, 2],
    ['flex', 'Flex', UNKNOWN],
    ['lightning', 'Other', UNKNOWN],
  ],
  'openai-responses': [
    [undefined, 'Standard', 2],
    ['flex', 'Flex', 1],
    ['priority', 'Priority', 7],
  ],
  'anthropic-messages': [
    [undefined, 'Standard', 2],
    ['priority', 'Priority', 7],
    ['batch', 'Batch', 1],
    ['fast', 'Fast', 11],
  ],
  gemini: [
    [undefined, undefined, 2],
    ['standard', 'Standard', 2],
    ['flex', 'Flex', 1],
    ['priority', 'Priority', 7],
    ['ON_DEMAND', 'Standard', 2],
    ['ON_DEMAND_FLEX', 'Flex', 1],
    ['PROVISIONED_THROUGHPUT', 'Reserved', 0],
    ['ON_DEMAND_OFFPEAK', 'Other', UNKNOWN],
    ['TRAFFIC_TYPE_UNSPECIFIED', undefined, 2],
  ],
  'bedrock-converse': [
    [undefined, undefined, 2],
    ['default', 'Standard', 2],
    ['priority', 'Priority', 7],
    ['reserved', 'Reserved', 0],
    ['flex', 'Flex', UNKNOWN],
  ],
  'cohere-chat': [[undefined, undefined, 2]],
};

let provider: ScriptedProvider;
let sidecar: TestSidecar;

beforeAll(async () => {
  provider = await startScriptedProvider();
  const { origin } = new URL(provider.url);
  sidecar = await startTestSidecar(
    VENDORS.flatMap(({ dialect, type, path, model, parameters }) => [
      providerItem(dialect, origin + path, {
        type,
        models: [{ name: model, upstreamName: model, maxOutputTokens: 8192, fullPrices: PRICES }],
        ...(parameters && { parameters }),
      }),
      routeItem(dialect, [dialect], [rule([target(dialect, { model })])]),
    ]),
  );
});
afterAll(async () => {
  await sidecar.close();
  await provider.close();
});
beforeEach(() => {
  sidecar.rows.length = 0;
});

const cases = VENDORS.flatMap(({ dialect }) =>
  CALLERS.flatMap((caller) =>
    (SERVED[dialect] ?? []).flatMap(([word, tier, price]) =>
      [false, true].map((stream) => ({ dialect, caller, word, tier, price, stream, from: caller.dialect })),
    ),
  ),
);

it.each(cases)(
  '$dialect for $from, in $word, streamed: $stream',
  async ({ dialect, caller, word, tier, price, stream }) => {
    provider.behaviour = word === undefined ? {} : { serviceTier: word };
    const answer = await call(sidecar.url, caller, {
      ...caller.request({ user: 'hello' }, stream),
      model: dialect,
    });
    expect(answer.status).toBe(200);
    await expect.poll(() => sidecar.rows.length).toBe(1);
    const [row] = sidecar.rows;
    const tokens = (row?.usage.input ?? 0) + (row?.usage.output ?? 0);
    expect(tokens).toBeGreaterThan(10);
    expect(row).toMatchObject({ source: 'Provider', outcome: 'Ok' });
    expect(row?.serviceTier).toBe(tier === 'Standard' ? undefined : tier);
    expect(row?.costNanoUsd).toBe(price === UNKNOWN ? undefined : String(BigInt(tokens * price)));
    expect(sidecar.ended.at(-1)?.attempts[0]?.serviceTier).toBe(tier);
  },
);

describe('a tier that is asked for', () => {
  const ask = async (body: object, said?: string) => {
    provider.behaviour = said === undefined ? {} : { serviceTier: said };
    const [caller] = CALLERS;
    if (!caller) throw new Error('no caller');
    await call(sidecar.url, caller, { ...caller.request({ user: 'hello' }, false), ...body });
    await expect.poll(() => sidecar.rows.length).toBe(1);
    const [row] = sidecar.rows.splice(0);
    const tokens = (row?.usage.input ?? 0) + (row?.usage.output ?? 0);
    const [attempt] = sidecar.ended.at(-1)?.attempts ?? [];
    return { row, each: Number(row?.costNanoUsd) / tokens, asked: attempt?.askedTier };
  };

  it.each([
    ['openai-chat', 'auto'],
    ['gemini', undefined],
    ['bedrock-converse', undefined],
  ])('of %s is billed by estimate where the answer does not say', async (dialect, said) => {
    const quiet = await ask({ model: dialect }, said);
    expect(quiet).toMatchObject({ row: { source: 'Provider' }, each: 2, asked: undefined });
    const { row, each, asked } = await ask({ model: dialect, service_tier: 'priority' }, said);
    expect(row?.serviceTier).toBeUndefined();
    expect([row?.source, asked, each]).toEqual(['Estimated', 'Priority', 7]);
  });

  it('of a vendor that knows none is not asked for', async () => {
    const { row, asked } = await ask({ model: 'cohere-chat', service_tier: 'priority' });
    expect([row?.source, asked]).toEqual(['Provider', undefined]);
  });

  it('is billed by what the answer says', async () => {
    const { row, asked } = await ask({ model: 'openai-chat', service_tier: 'priority' }, 'default');
    expect([row?.source, asked]).toEqual(['Provider', 'Priority']);
    const auto = await ask({ model: 'openai-chat', service_tier: 'auto' });
    expect([auto.row?.source, auto.asked]).toEqual(['Provider', undefined]);
  });
});
