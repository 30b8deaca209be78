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

/** Integer prices in the words of a resource, the inverse of `declaredPrices`; for the units asked for. */
export function pricingOf(
  prices: Partial<PriceTable>,
  wanted: (unit: Declared['unit']) => boolean,
): Declared[] {
  return (Object.keys(UNITS) as Declared['unit'][]).flatMap((unit): Declared[] => {
    const pico = prices[UNITS[unit]];
    if (pico === undefined || !wanted(unit)) return [];
    return unit === 'Request'
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
 * Undefined where the price of input or of output is unknown: unknown is a state of its own, never zero. A model that only
 * makes embeddings has no output to price.
 */
export function wholeTable(known: Partial<PriceTable>, embeddingsOnly: boolean): PriceTable | undefined {
  const { input, output = embeddingsOnly ? 0 : undefined } = known;
  return input === undefined || output === undefined ? undefined : { ...known, input, output };
}
