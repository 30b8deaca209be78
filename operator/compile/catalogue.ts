/**
 * The price catalogue (`@pydantic/genai-prices`), read as far as it says something that holds for every request.
 *
 * What our price table cannot express stays unknown rather than nearly right:
 * - prices in tiers by prompt length, or by time of day;
 * - a price of its own for image, video or cached audio tokens or for cache writes, which usage does not tell apart;
 * - prices per second or hour of audio.
 * Fees for web or file searches are left out: they are billed beside the tokens, which the table prices in full.
 * Dated prices are taken as of `now`. The catalogue knows context windows; of capabilities it says nothing, so only models
 * that are plainly made for embeddings get one.
 */
import { findProvider, type MatchLogic, type ModelInfo, type ModelPrice } from '@pydantic/genai-prices';
import type {
  Capability,
  ModelVariant,
  PriceTable,
  ProviderTypeName,
} from '../../sidecar/snapshot/schema.ts';

export interface CataloguedModel {
  id: string;
  variants: ModelVariant[];
  contextWindow: number | undefined;
  capabilities: Capability[] | undefined;
  /** In pico-USD per token; undefined when unknown. */
  prices: Partial<PriceTable> | undefined;
}

export interface Catalogue {
  readonly models: readonly CataloguedModel[];
  /** The first model whose names match, ignoring case, as the catalogue defines it. */
  find(name: string): CataloguedModel | undefined;
}

const PRICED: Record<string, keyof PriceTable> = {
  input_mtok: 'input',
  cache_read_mtok: 'cacheRead',
  input_audio_mtok: 'audioInput',
  output_mtok: 'output',
  output_audio_mtok: 'audioOutput',
  requests_kcount: 'request',
};
/** Billed beside tokens. */
const FEE = /_searches_kcount$/;
const DAY_MS = 86_400_000;

const cache = new Map<string, Catalogue | undefined>();

/** Start dates of prices are days, so the catalogue is the same for the whole of one. */
export const catalogueDay = (now: number): number => Math.floor(now / DAY_MS);

/** The vendor's part of the catalogue; undefined where the catalogue does not know the vendor, such as a local server. */
export function catalogueOf(type: ProviderTypeName, url: string, now: number): Catalogue | undefined {
  const vendor =
    type === 'OpenAI' ? findProvider({ providerId: 'openai' }) : findProvider({ providerApiUrl: url });
  if (!vendor) return undefined;
  const day = catalogueDay(now);
  const key = `${vendor.id} ${day}`;
  const known = cache.get(key);
  if (known) return known;
  if (cache.size >= 64) cache.clear();
  const read = readCatalogue(vendor.models, day * DAY_MS);
  cache.set(key, read);
  return read;
}

function readCatalogue(infos: readonly ModelInfo[], now: number): Catalogue {
  const models = infos.map((info) => readModel(info, now));
  const found = new Map<string, CataloguedModel | undefined>();
  return {
    models,
    find(name) {
      if (!found.has(name)) {
        if (found.size >= 4096) found.clear();
        found.set(name, models[infos.findIndex((info) => matches(info.match, name.toLowerCase()))]);
      }
      return found.get(name);
    },
  };
}

function readModel(info: ModelInfo, now: number): CataloguedModel {
  const price = currentPrice(info.prices, now);
  const embeds = /embed/.test(info.id) && price !== undefined && !('output_mtok' in price);
  return {
    id: info.id,
    variants: variantsOf(info.match).filter((v) => v.form !== 'Exact' || v.text !== info.id),
    contextWindow: info.context_window,
    capabilities: embeds ? ['Embeddings'] : undefined,
    prices: price && readPrice(price),
  };
}

/** The last entry whose start date has come; undefined when one depends on the time of day. */
function currentPrice(prices: ModelInfo['prices'], now: number): ModelPrice | undefined {
  if (!Array.isArray(prices)) return prices;
  let current: ModelPrice | undefined;
  for (const { constraint, prices: entry } of prices) {
    if (constraint?.type === 'time_of_date') return undefined;
    if (!constraint || Date.parse(constraint.start_date) <= now) current = entry;
  }
  return current;
}

/** Undefined unless every price in it can be expressed. */
export function readPrice(price: ModelPrice): Partial<PriceTable> | undefined {
  const table: Partial<PriceTable> = {};
  for (const [key, dollars] of Object.entries(price)) {
    if (dollars === undefined || FEE.test(key)) continue;
    const unit = PRICED[key];
    if (typeof dollars !== 'number' || !unit) return undefined;
    // US dollars per million tokens, or per thousand requests, in pico-USD each.
    const pico = dollars * (unit === 'request' ? 1e9 : 1e6);
    const whole = Math.round(pico);
    // The catalogue's numbers are doubles: 0.039e6 is 38999.99…; a true fraction of a pico-USD is not expressed.
    if (!Number.isSafeInteger(whole) || Math.abs(pico - whole) > 1e-6) return undefined;
    table[unit] = whole;
  }
  return table.input === undefined ? undefined : table;
}

/** Names a match clause stands for, as far as they can be listed. */
function variantsOf(match: MatchLogic): ModelVariant[] {
  if ('or' in match) return match.or.flatMap(variantsOf);
  if ('equals' in match) return [{ form: 'Exact', text: match.equals }];
  if ('starts_with' in match) return [{ form: 'Prefix', text: match.starts_with }];
  if ('regex' in match) {
    const dated = /^\^((?:[\w/:@-]|\\[.-])+)\\d\{4\}-\\d\{2\}-\\d\{2\}\$$/.exec(match.regex);
    if (dated?.[1]) return [{ form: 'Dated', text: dated[1].replaceAll('\\', '') }];
  }
  return [];
}

function matches(match: MatchLogic, name: string): boolean {
  if ('or' in match) return match.or.some((clause) => matches(clause, name));
  if ('and' in match) return match.and.every((clause) => matches(clause, name));
  if ('equals' in match) return name === match.equals.toLowerCase();
  if ('starts_with' in match) return name.startsWith(match.starts_with.toLowerCase());
  if ('ends_with' in match) return name.endsWith(match.ends_with.toLowerCase());
  if ('contains' in match) return name.includes(match.contains.toLowerCase());
  return new RegExp(match.regex, 'i').test(name);
}
