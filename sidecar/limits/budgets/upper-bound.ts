/**
 * The most that a request can cost at a target. Text is taken for one token a byte, which no vocabulary exceeds; what a vendor
 * puts around each message for a constant; an attachment for the most that vendors make of one. Nothing a model reads is longer
 * than its window. Output ends at the cap, or at what the model can say at all.
 */
import type { Exchange } from '../../exchange.ts';
import type { Candidate } from '../../routing/plan.ts';
import { pricesOf } from '../../snapshot/prices.ts';
import type { FullPrices, ModelBody, PatchBody, UnitPrices } from '../../snapshot/schema.ts';

/** What vendors add to a message, and to a request: roles, separators, their own words around tools. */
const PER_MESSAGE = 64;
const PER_REQUEST = 2048;
/** The largest picture at the highest detail, by the vendor that makes most tokens of it. */
const PER_IMAGE = 50_000;

const INPUT_PRICES = [
  'input',
  'cacheRead',
  'cacheWrite5m',
  'cacheWrite1h',
  'audioInput',
  'audioCacheRead',
] as const;
const OUTPUT_PRICES = ['output', 'reasoning', 'audioOutput'] as const;

/** Members of a request that cap its output, and those in which dialects hide such a cap or the number of answers. */
const CAPS: ReadonlySet<string> = new Set(['max_tokens', 'max_completion_tokens', 'max_output_tokens']);
const HIDING: ReadonlySet<string> = new Set([
  'generationConfig',
  'inferenceConfig',
  'options',
  'n',
  'best_of',
  'num_generations',
]);

interface Dearest {
  /** Pico-USD. */
  readonly input: number;
  readonly output: number;
  readonly request: number;
}

const dearest = new WeakMap<ModelBody, Dearest | string>();

/** In pico-USD; a sentence: why there is no upper bound. */
export function mostPicoUsd(candidate: Candidate, exchange: Exchange): bigint | string {
  const { model } = candidate;
  if (model === undefined) return 'its price is not known';
  let prices = dearest.get(model);
  if (prices === undefined) dearest.set(model, (prices = dearestOf(pricesOf(model))));
  if (typeof prices === 'string') return prices;
  const input = mostInput(model, exchange);
  if (typeof input === 'string') return input;
  const output = mostOutput(candidate, exchange);
  if (typeof output === 'string') return output;
  return (
    BigInt(input) * BigInt(prices.input) + BigInt(output) * BigInt(prices.output) + BigInt(prices.request)
  );
}

/** Which tier of service or of size the request comes under is known only afterwards. */
function dearestOf(prices: FullPrices | undefined): Dearest | string {
  if (prices === undefined) return 'its price is not known';
  const all: UnitPrices[] = [prices, ...(prices.tiers ?? [])];
  for (const service of Object.values(prices.services ?? {})) {
    if (service !== 'Unknown') all.push(service, ...(service.tiers ?? []));
  }
  if (all.some(({ imageOutput }) => (imageOutput ?? 0) > 0)) return 'it may make any number of images';
  const most = (units: readonly (keyof UnitPrices)[]): number =>
    Math.max(...all.flatMap((one) => units.map((unit) => one[unit] ?? 0)));
  return { input: most(INPUT_PRICES), output: most(OUTPUT_PRICES), request: most(['request']) };
}

function mostInput({ contextWindow }: ModelBody, { envelope, facts }: Exchange): number | string {
  if (envelope === undefined || facts === undefined) return 'its body is not read';
  if (envelope.serverTools) return 'tools that the provider runs read as much as they like';
  const { images, audio, files, bytes } = envelope.attachments;
  const outside = facts.pinned || audio > 0 || files > 0;
  if (outside && contextWindow === undefined)
    return 'nobody knows how much it reads besides text: the context window of the model is not declared';
  if (outside) return contextWindow as number;
  let messages = 0;
  for (const role in envelope.roles) messages += envelope.roles[role] ?? 0;
  const text = envelope.body.length - bytes;
  const most = text + envelope.tokenIds + messages * PER_MESSAGE + images * PER_IMAGE + PER_REQUEST;
  return contextWindow !== undefined && contextWindow < most ? contextWindow : most;
}

function mostOutput({ model, target }: Candidate, { facts, plan }: Exchange): number | string {
  if (facts?.needs === 'Embeddings' || facts?.needs === 'Rerank') return 0;
  const { maxOutputTokens = model?.contextWindow } = model ?? {};
  const cap = capOf(facts?.maxOutputTokens, target.patch);
  const rule = (plan?.rule as { maxOutputTokens?: number } | undefined)?.maxOutputTokens;
  if (cap === 'Unknown') return 'its rule sets how much the model may say in a way that is not read here';
  let most = cap;
  for (const one of [rule, maxOutputTokens]) {
    if (one !== undefined && (most === undefined || one < most)) most = one;
  }
  if (most === undefined)
    return 'nothing caps its output: set a cap in the request, or declare maxOutputTokens of the model';
  return most * (facts?.choices ?? 1);
}

/** The caller's cap after the target's own patch of the request. */
function capOf(
  asked: number | undefined,
  { set, default: defaults, remove }: PatchBody,
): number | 'Unknown' | undefined {
  if (set.length + defaults.length + remove.length === 0) return asked;
  let cap = asked;
  for (const { name, value } of [...defaults, ...set]) {
    if (HIDING.has(name)) return 'Unknown';
    if (!CAPS.has(name)) continue;
    if (typeof value !== 'number') return 'Unknown';
    cap = cap === undefined || value > cap ? value : cap;
  }
  return remove.some((name) => CAPS.has(name) || HIDING.has(name)) ? undefined : cap;
}
