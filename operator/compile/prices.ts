/**
 * Prices as integers. A resource has US dollars with at most six decimals per million tokens, which is a whole number of
 * pico-USD per token, so nothing is rounded; a price per request or image is a whole number of pico-USD too.
 */
import type { LLMProviderSpec } from '../../crds/llmprovider.ts';
import type { FullPrices, PricedTier, TieredPrices, UnitPrices } from '../../sidecar/snapshot/schema.ts';

type Declared = NonNullable<NonNullable<LLMProviderSpec['models']>[number]['pricing']>[number];

export type Unit = keyof UnitPrices;
type Units = Partial<Record<Unit, number>>;
/** In pico-USD each; a unit that is absent is unknown. Tiers by rising bound, each with the units that differ. */
type KnownInTier = Units & { tiers?: (Units & { aboveInputTokens: number })[] };
/** Those of the standard tier of service, and those that others name for themselves. */
export type KnownPrices = KnownInTier & { services?: Partial<Record<PricedTier, KnownInTier>> };

/** `AudioCacheRead` is no unit of resources: only the catalogue prices it apart. */
const UNITS: Record<Declared['unit'], Unit> = {
  InputToken: 'input',
  CacheReadToken: 'cacheRead',
  CacheWrite5mToken: 'cacheWrite5m',
  CacheWrite1hToken: 'cacheWrite1h',
  AudioInputToken: 'audioInput',
  OutputToken: 'output',
  ReasoningToken: 'reasoning',
  AudioOutputToken: 'audioOutput',
  Image: 'imageOutput',
  Request: 'request',
};
const EACH: ReadonlySet<Declared['unit']> = new Set(['Image', 'Request']);

const PICO_DIGITS = 12;

/** `2.50` with a shift of 6 is 2500000. Exact: works on the digits. Beyond 2^53 it is no safe integer, and refused later. */
export function shifted(decimal: string, digits: number): number {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return Number(BigInt(whole + fraction.padEnd(digits, '0')));
}

const dayOf = (now: number): string => new Date(now).toISOString().slice(0, 10);

/** Those that hold on the day of `now`; of several for one unit, bound and tier of service, the one that began last. */
export function currentPricing(pricing: readonly Declared[], now: number): Declared[] {
  const today = dayOf(now);
  const current = new Map<string, Declared>();
  for (const price of pricing) {
    const { unit, aboveInputTokens = 0, serviceTier = '', from = '', until } = price;
    if (from > today || (until !== undefined && until <= today)) continue;
    const key = `${unit} ${aboveInputTokens} ${serviceTier}`;
    const other = current.get(key);
    if (other === undefined || (other.from ?? '') < from) current.set(key, price);
  }
  return [...current.values()];
}

/** Declared prices by unit, bound and tier of service. */
export function declaredPrices(pricing: readonly Declared[]): KnownPrices {
  const named = [...new Set(pricing.flatMap(({ serviceTier }) => serviceTier ?? []))];
  const of = (tier: PricedTier | undefined) =>
    pricesInTier(pricing.filter(({ serviceTier }) => serviceTier === tier));
  const services = Object.fromEntries(named.sort().map((tier) => [tier, of(tier)]));
  return { ...of(undefined), ...(named.length > 0 && { services }) };
}

function pricesInTier(pricing: readonly Declared[]): KnownInTier {
  const prices: Units = {};
  const tiers = new Map<number, Units>();
  for (const { unit, perMillion, each, aboveInputTokens } of pricing) {
    const dollars = EACH.has(unit) ? each : perMillion;
    if (dollars === undefined) continue;
    const pico = shifted(dollars, EACH.has(unit) ? PICO_DIGITS : 6);
    if (aboveInputTokens === undefined) prices[UNITS[unit]] = pico;
    else tiers.set(aboveInputTokens, { ...tiers.get(aboveInputTokens), [UNITS[unit]]: pico });
  }
  return withTiers(prices, tiers);
}

/** @param tiers units that differ, by their bound */
export function withTiers(units: Units, tiers: ReadonlyMap<number, Units>): KnownInTier {
  if (tiers.size === 0) return units;
  const rising = [...tiers].sort(([a], [b]) => a - b);
  return { ...units, tiers: rising.map(([aboveInputTokens, higher]) => ({ aboveInputTokens, ...higher })) };
}

/** Integer prices in the words of a resource, the inverse of `declaredPrices`; for the units asked for. */
export function pricingOf(prices: KnownPrices, wanted: (unit: Declared['unit']) => boolean): Declared[] {
  const { services = {}, ...standard } = prices;
  return [
    ...pricingInTier(standard, wanted),
    ...Object.entries(services).flatMap(([name, known]) =>
      pricingInTier(known, wanted).map((price) => ({ ...price, serviceTier: name as PricedTier })),
    ),
  ];
}

function pricingInTier(prices: KnownInTier, wanted: (unit: Declared['unit']) => boolean): Declared[] {
  const { tiers = [], ...base } = prices;
  return [
    ...unitsOf(base, wanted),
    ...tiers.flatMap(({ aboveInputTokens, ...units }) =>
      unitsOf(units, wanted).map((price) => ({ ...price, aboveInputTokens })),
    ),
  ];
}

function unitsOf(prices: Units, wanted: (unit: Declared['unit']) => boolean): Declared[] {
  return (Object.keys(UNITS) as Declared['unit'][]).flatMap((unit): Declared[] => {
    const pico = prices[UNITS[unit]];
    if (pico === undefined || !wanted(unit)) return [];
    return EACH.has(unit)
      ? [{ unit, each: unshifted(pico, PICO_DIGITS) }]
      : [{ unit, perMillion: unshifted(pico, 6) }];
  });
}

function unshifted(value: number, digits: number): string {
  const text = String(value).padStart(digits + 1, '0');
  const fraction = text.slice(-digits).replace(/0+$/, '');
  return text.slice(0, -digits) + (fraction === '' ? '' : `.${fraction}`);
}

/** More pico-USD than an integer holds exactly. */
const MOST_EACH = Math.floor(Number.MAX_SAFE_INTEGER / 10 ** PICO_DIGITS);

/** The first price that is too large to be kept exactly, in a sentence. */
export function oversizedPrice(models: LLMProviderSpec['models']): string | undefined {
  for (const [i, { pricing }] of (models ?? []).entries()) {
    const j = (pricing ?? []).findIndex(({ each }) => each !== undefined && Number(each) > MOST_EACH);
    const each = pricing?.[j]?.each;
    if (each !== undefined)
      return `spec.models[${i}].pricing[${j}].each: must be at most ${MOST_EACH} US dollars (it is "${each}")`;
  }
  return undefined;
}

/**
 * Undefined where the price of input or of output is unknown: unknown is a state of its own, never zero. A model that only
 * makes embeddings or ranks has no output to price. Units that a bound does not name keep the price of the one below. Tiers of
 * service stand by themselves; one that says too little is unknown, whatever discount the vendor gives.
 */
export function wholeTable(known: KnownPrices, withoutOutput: boolean): FullPrices | undefined {
  const { services, ...standard } = known;
  const table = tableInTier(standard, withoutOutput);
  if (table === undefined || services === undefined) return table;
  const entries = Object.entries(services).map(([name, prices]) => [
    name,
    tableInTier(prices, withoutOutput) ?? 'Unknown',
  ]);
  return { ...table, services: Object.fromEntries(entries) as NonNullable<FullPrices['services']> };
}

function tableInTier(
  { tiers = [], ...units }: KnownInTier,
  withoutOutput: boolean,
): TieredPrices | undefined {
  const { input, output = withoutOutput ? 0 : undefined } = units;
  if (input === undefined || output === undefined) return undefined;
  const base = { ...units, input, output };
  if (tiers.length === 0) return base;
  let below: UnitPrices = base;
  return {
    ...base,
    tiers: tiers.map(({ aboveInputTokens, ...higher }) => {
      below = { ...below, ...higher };
      return { ...below, aboveInputTokens };
    }),
  };
}
