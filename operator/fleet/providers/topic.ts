/** Topic `providers`: what all pods together know of how providers do, and what each pod may be told of it. */
import {
  MAX_PROVIDER_HINTS,
  type ProviderHint,
  type ProviderHints,
  readProvidersReport,
} from '../../../sidecar/snapshot/fleet/providers.ts';
import type { ItemId, ModelBody } from '../../../sidecar/snapshot/schema.ts';
import type { FleetTopic, HintAudience } from '../topic.ts';
import { Cell, type Summary } from './cell.ts';
import { type Health, HealthBook } from './health.ts';
import { Probers } from './probers.ts';

export interface ProvidersTopicOptions {
  /** Something that pods should hear of soon: what is held against a provider changed. */
  news?: (provider: ItemId) => void;
}

export interface ProviderStanding {
  model: string;
  summary: Summary;
}

/** Models at providers that are remembered, in all and of one provider. */
const MAX_CELLS = 8_192;
const MAX_MODELS = 64;
/** Hints end by themselves: three regular reports without a new one. */
const HOLDS_MS = 75_000;
/** Models that callers ask for and nobody declared. */
const OTHER_MODEL = '_OTHER';
const MAX_REMEMBERED = 1_024;
const REMEMBERED_MS = 200;

export class ProvidersTopic implements FleetTopic {
  readonly name = 'providers';
  readonly #news: (provider: ItemId) => void;
  /** By provider, then by model; the endpoint as a whole is the model ''. */
  readonly #cells = new Map<string, Map<string, Cell>>();
  readonly #probers = new Probers();
  readonly #health = new HealthBook();
  /** Providers of which something was said once. */
  readonly #heardOf = new Set<ItemId>();
  /** Hints made lately, by snapshot and namespace. */
  readonly #made = new Map<string, { at: number; hints: ProviderHint[] }>();
  #count = 0;

  constructor({ news = () => {} }: ProvidersTopicOptions = {}) {
    this.#news = news;
  }

  accept({ pod, snapshot }: HintAudience, value: unknown, now: number): boolean {
    const report = readProvidersReport(value);
    if (!report) return false;
    for (const sighting of report.sightings) {
      const { provider, model = '' } = sighting;
      const item = snapshot.items.find(({ id }) => id === provider);
      // Only what its own snapshot names: a pod has no word in what it cannot call.
      if (item?.kind !== 'Provider') continue;
      const isKnown =
        model === '' || model === OTHER_MODEL || namesOf(item.body?.models ?? NO_MODELS).has(model);
      if (!isKnown) continue;
      const cell = this.#cell(provider, model, now);
      if (!cell) continue;
      const voice = cell.voice(pod.uid, pod.namespace, now);
      const before = voice.saysDown;
      voice.say(sighting, report.ms, now);
      if (voice.saysDown !== before) {
        cell.changed();
        this.#news(provider);
      } else if (!this.#heardOf.has(provider)) this.#first(provider);
    }
    return true;
  }

  hintsFor(audience: HintAudience, now: number): ProviderHints | undefined {
    const hints = this.#hints(audience, now);
    const probe = this.#probers.of(audience, now);
    if (hints.length === 0 && probe.length === 0) return undefined;
    return { holds: HOLDS_MS, hints, ...(probe.length > 0 && { probe }) };
  }

  forget(uid: string): void {
    this.#probers.forget(uid);
    for (const models of this.#cells.values()) for (const cell of models.values()) cell.forget(uid);
  }

  /** For the status of a provider. */
  health(provider: ItemId, now: number): Health | undefined {
    return this.#health.of(provider, this.#standing(provider, now), now);
  }

  #standing(provider: ItemId, now: number): ProviderStanding[] {
    const models = this.#cells.get(provider);
    if (!models) return [];
    return [...models].map(([model, cell]) => ({ model, summary: cell.summary(now) }));
  }

  #hints({ pod, snapshot }: HintAudience, now: number): ProviderHint[] {
    const key = `${pod.namespace} ${snapshot.hash}`;
    const made = this.#made.get(key);
    if (made && now - made.at < REMEMBERED_MS) return made.hints;
    const hints: ProviderHint[] = [];
    for (const { id } of snapshot.items)
      for (const [model, cell] of this.#cells.get(id) ?? []) {
        const hint = hintOf(id, model, cell, pod.namespace, now);
        if (hint) hints.push(hint);
      }
    // What is held against something comes first where not all can be told.
    hints.sort((a, b) => Number(b.state !== undefined) - Number(a.state !== undefined));
    hints.length = Math.min(hints.length, MAX_PROVIDER_HINTS);
    if (this.#made.size >= MAX_REMEMBERED) this.#made.clear();
    this.#made.set(key, { at: now, hints });
    return hints;
  }

  #first(provider: ItemId): void {
    if (this.#heardOf.size >= MAX_CELLS) this.#heardOf.clear();
    this.#heardOf.add(provider);
    this.#news(provider);
  }

  #cell(provider: string, model: string, now: number): Cell | undefined {
    let models = this.#cells.get(provider);
    const known = models?.get(model);
    if (known) return known;
    if (this.#count >= MAX_CELLS || (models?.size ?? 0) >= MAX_MODELS) this.#sweep(now);
    models = this.#cells.get(provider);
    if (this.#count >= MAX_CELLS || (models?.size ?? 0) >= MAX_MODELS) return undefined;
    if (!models) this.#cells.set(provider, (models = new Map()));
    const cell = new Cell();
    models.set(model, cell);
    this.#count++;
    return cell;
  }

  /** Lets go of what nobody speaks of any more. */
  #sweep(now: number): void {
    for (const [provider, models] of this.#cells) {
      for (const [model, cell] of models) {
        if (!cell.isEmpty(now)) continue;
        models.delete(model);
        this.#count--;
      }
      if (models.size === 0) this.#cells.delete(provider);
    }
  }
}

const names = new WeakMap<readonly ModelBody[], ReadonlySet<string>>();

/** Names that the models of a provider go by upstream; hundreds of providers of one vendor share one list. */
function namesOf(models: readonly ModelBody[]): ReadonlySet<string> {
  let known = names.get(models);
  if (!known) {
    const exact = ({ variants = [] }: ModelBody): string[] =>
      variants.flatMap(({ form, text }) => (form === 'Exact' ? [text] : []));
    known = new Set(models.flatMap((model) => [model.upstreamName, ...exact(model)]));
    names.set(models, known);
  }
  return known;
}

const NO_MODELS: readonly ModelBody[] = [];

function hintOf(
  provider: string,
  model: string,
  cell: Cell,
  namespace: string,
  now: number,
): ProviderHint | undefined {
  const state = cell.state(namespace, now);
  const { p50, p95, perMinute, headroom } = cell.summary(now);
  const tells = cell.mayTell(namespace, now);
  if (state === undefined && !tells) return undefined;
  return {
    provider,
    ...(model !== '' && { model }),
    ...(state !== undefined && { state }),
    ...(tells && {
      ...(p50 !== undefined && { p50: Math.round(p50) }),
      ...(p95 !== undefined && { p95: Math.round(p95) }),
      perMinute: Math.round(perMinute),
      ...(headroom !== undefined && { headroom: Math.round(headroom) }),
    }),
  };
}
