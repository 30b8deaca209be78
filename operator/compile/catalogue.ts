/**
 * The price catalogue (`@pydantic/genai-prices`), read as far as it says something that holds for every request.
 *
 * What our price table cannot express stays unknown rather than nearly right: prices by time of day, by the second or by the
 * page, and prices of their own for tokens that usage does not tell apart, such as those of images. Fees for web or file
 * searches are left out: they are billed beside the tokens, which the table prices in full. Dated prices are taken as of
 * `now`. Windows are in the catalogue for most models; the rest of what models can do is in `model-facts.ts`.
 */
import { findProvider, type MatchLogic, type ModelInfo, type ModelPrice } from '@pydantic/genai-prices';
import type {
  Capability,
  ModelVariant,
  ProviderTypeName,
  UnitPrices,
} from '../../sidecar/snapshot/schema.ts';
import { factsOf } from './model-facts.ts';
import { type KnownPrices, type Unit, withTiers } from './prices.ts';

export interface CataloguedModel {
  id: string;
  variants: ModelVariant[];
  contextWindow: number | undefined;
  maxOutputTokens: number | undefined;
  capabilities: Capability[] | undefined;
  /** Undefined when unknown. */
  prices: KnownPrices | undefined;
}

export interface Catalogue {
  readonly models: readonly CataloguedModel[];
  /** The first model whose names match, ignoring case, as the catalogue defines it. */
  find(name: string): CataloguedModel | undefined;
}

const PRICED: Record<string, Unit> = {
  input_mtok: 'input',
  cache_read_mtok: 'cacheRead',
  cache_write_mtok: 'cacheWrite5m',
  cache_write_1h_mtok: 'cacheWrite1h',
  input_audio_mtok: 'audioInput',
  cache_audio_read_mtok: 'audioCacheRead',
  output_mtok: 'output',
  output_reasoning_mtok: 'reasoning',
  output_audio_mtok: 'audioOutput',
  requests_kcount: 'request',
};
/** Tokens that usage does not tell apart, and those they are counted among: a price of their own must be the same. */
const COUNTED_AMONG: Record<string, string> = {
  input_image_mtok: 'input_mtok',
  input_video_mtok: 'input_mtok',
  cache_image_read_mtok: 'cache_read_mtok',
  output_image_mtok: 'output_mtok',
  output_video_mtok: 'output_mtok',
};
/** Billed beside tokens. */
const FEE = /_searches_kcount$/;
const DAY_MS = 86_400_000;

const cache = new Map<string, Catalogue | undefined>();

/** Start dates of prices are days, so the catalogue is the same for the whole of one. */
export const catalogueDay = (now: number): number => Math.floor(now / DAY_MS);

/** Where the catalogue lists each vendor. Those that are not here are known by their URL, or not at all. */
const VENDOR: Partial<Record<ProviderTypeName, string>> = {
  OpenAI: 'openai',
  AzureOpenAI: 'azure',
  Anthropic: 'anthropic',
  Gemini: 'google',
  VertexAI: 'google',
  Bedrock: 'aws',
  Cohere: 'cohere',
  Mistral: 'mistral',
  Groq: 'groq',
  Together: 'together',
  Fireworks: 'fireworks',
  DeepSeek: 'deepseek',
  XAI: 'x-ai',
  Perplexity: 'perplexity',
  Cerebras: 'cerebras',
  OpenRouter: 'openrouter',
  Moonshot: 'moonshotai',
  CloudflareWorkersAI: 'cloudflare',
};
/** Doors to models of others, at the prices of those. */
const ALSO: Partial<Record<ProviderTypeName, readonly string[]>> = {
  AzureOpenAI: ['openai'],
  VertexAI: ['anthropic'],
};
/** On the Gemini API, the models of others that the list of Google has are not served. */
const SERVED: Partial<Record<ProviderTypeName, RegExp>> = { Gemini: /^gem/ };

/** The vendor's part of the catalogue; undefined where the catalogue does not know the vendor, such as a local server. */
export function catalogueOf(type: ProviderTypeName, url: string, now: number): Catalogue | undefined {
  const id = VENDOR[type];
  const vendor = id === undefined ? findProvider({ providerApiUrl: url }) : findProvider({ providerId: id });
  if (!vendor) return undefined;
  const day = catalogueDay(now);
  const key = `${id === undefined ? '' : type} ${vendor.id} ${day}`;
  const known = cache.get(key);
  if (known) return known;
  if (cache.size >= 64) cache.clear();
  const others = (ALSO[type] ?? []).flatMap((other) => findProvider({ providerId: other })?.models ?? []);
  const models = [...vendor.models, ...others].filter((info) => SERVED[type]?.test(info.id) ?? true);
  const read = readCatalogue(models, day * DAY_MS);
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
  const facts = factsOf(info.id);
  const capabilities = embeds ? ['Embeddings' as const] : facts.capabilities;
  return {
    id: info.id,
    variants: variantsOf(info.match).filter((v) => v.form !== 'Exact' || v.text !== info.id),
    contextWindow: info.context_window ?? facts.contextWindow,
    maxOutputTokens: facts.maxOutputTokens,
    capabilities: capabilities && [...capabilities],
    prices: price && readPrice(price),
  };
}

/** The last entry that holds; undefined when that depends on the time of day. */
function currentPrice(prices: ModelInfo['prices'], now: number): ModelPrice | undefined {
  if (!Array.isArray(prices)) return prices;
  for (const { constraint, prices: entry } of prices.toReversed()) {
    if (constraint?.type === 'time_of_date') return undefined;
    if (!constraint || Date.parse(constraint.start_date) <= now) return entry;
  }
  return undefined;
}

/** Undefined unless every price in it can be expressed. */
export function readPrice(price: ModelPrice): KnownPrices | undefined {
  const table: Partial<UnitPrices> = {};
  const tiers = new Map<number, Partial<UnitPrices>>();
  for (const [key, dollars] of Object.entries(price)) {
    if (dollars === undefined || FEE.test(key)) continue;
    const among = COUNTED_AMONG[key];
    if (among !== undefined && JSON.stringify(dollars) === JSON.stringify(price[among])) continue;
    const unit = PRICED[key];
    if (unit === undefined) return undefined;
    const { base, tiers: above } = typeof dollars === 'number' ? { base: dollars, tiers: [] } : dollars;
    const pico = picoDollars(base, unit);
    if (pico === undefined || (unit === 'request' && above.length > 0)) return undefined;
    table[unit] = pico;
    for (const { start, price: higher } of above) {
      const more = picoDollars(higher, unit);
      if (more === undefined) return undefined;
      tiers.set(start, { ...tiers.get(start), [unit]: more });
    }
  }
  if (table.input === undefined) return undefined;
  return withTiers(table, tiers);
}

/** US dollars per million tokens, or per thousand requests, in pico-USD each. */
function picoDollars(dollars: number, unit: Unit): number | undefined {
  const pico = dollars * (unit === 'request' ? 1e9 : 1e6);
  const whole = Math.round(pico);
  // The catalogue's numbers are doubles: 0.039e6 is 38999.99…; a true fraction of a pico-USD is not expressed.
  return Number.isSafeInteger(whole) && Math.abs(pico - whole) <= 1e-6 ? whole : undefined;
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
