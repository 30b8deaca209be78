/**
 * Prices as integers. A resource has US dollars with at most six decimals per million tokens, which is a whole number of
 * pico-USD per token, so nothing is rounded; a price per request is a whole number of pico-USD too.
 */
import type { LLMProviderSpec } from '../../crds/llmprovider.ts';
import type { PriceTable } from '../../sidecar/snapshot/schema.ts';

type Declared = NonNullable<NonNullable<LLMProviderSpec['models']>[number]['pricing']>[number];

const UNITS: Record<Declared['unit'], keyof PriceTable> = {
  InputToken: 'input',
  CacheReadToken: 'cacheRead',
  AudioInputToken: 'audioInput',
  OutputToken: 'output',
  ReasoningToken: 'reasoning',
  AudioOutputToken: 'audioOutput',
  Request: 'request',
};

const PICO_DIGITS = 12;

/** `2.50` with a shift of 6 is 2500000. Exact: works on the digits. Beyond 2^53 it is no safe integer, and refused later. */
function shifted(decimal: string, digits: number): number {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return Number(BigInt(whole + fraction.padEnd(digits, '0')));
}

/** Declared prices by unit, in pico-USD per token, or per request for `request`. */
export function declaredPrices(pricing: readonly Declared[]): Partial<PriceTable> {
  const prices: Partial<PriceTable> = {};
  for (const { unit, perMillion, each } of pricing) {
    const dollars = unit === 'Request' ? each : perMillion;
    if (dollars !== undefined) prices[UNITS[unit]] = shifted(dollars, unit === 'Request' ? PICO_DIGITS : 6);
  }
  return prices;
}

/** More pico-USD than an integer holds exactly. */
const MOST_PER_REQUEST = Math.floor(Number.MAX_SAFE_INTEGER / 10 ** PICO_DIGITS);

/** The first price that is too large to be kept exactly, in a sentence. */
export function oversizedPrice(models: LLMProviderSpec['models']): string | undefined {
  for (const [i, { pricing }] of (models ?? []).entries()) {
    const j = (pricing ?? []).findIndex(({ each }) => each !== undefined && Number(each) > MOST_PER_REQUEST);
    const each = pricing?.[j]?.each;
    if (each !== undefined)
      return `spec.models[${i}].pricing[${j}].each: must be at most ${MOST_PER_REQUEST} US dollars (it is "${each}")`;
  }
  return undefined;
}

/**
 * Declared prices over catalogued ones, unit by unit. Undefined when the price of input or of output stays unknown: unknown
 * is a state of its own, never zero. A model that only makes embeddings has no output to price.
 */
export function mergePrices(
  declared: Partial<PriceTable> | undefined,
  catalogued: Partial<PriceTable> | undefined,
  embeddingsOnly: boolean,
): PriceTable | undefined {
  const merged = { ...(embeddingsOnly ? { output: 0 } : {}), ...catalogued, ...declared };
  const { input, output } = merged;
  return input === undefined || output === undefined ? undefined : { ...merged, input, output };
}
