/** What a model costs, in whichever form it is said. */
import type { FullPrices, ModelBody, PriceTable } from './schema.ts';

/** Undefined: unknown. */
export function pricesOf(model: ModelBody | undefined): FullPrices | undefined {
  return model?.fullPrices ?? model?.prices;
}

const SIMPLE: ReadonlySet<string> = new Set<keyof PriceTable>([
  'input',
  'cacheRead',
  'audioInput',
  'output',
  'reasoning',
  'audioOutput',
  'request',
]);

/** The member of a model that can say them. */
export function pricesMember(prices: FullPrices): Pick<ModelBody, 'prices' | 'fullPrices'> {
  return Object.keys(prices).every((unit) => SIMPLE.has(unit)) ? { prices } : { fullPrices: prices };
}
