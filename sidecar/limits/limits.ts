/**
 * Every limit of every provider, model and credential, as far as this pod goes. A reservation takes its part of all that apply,
 * or of none. Whoever asks `shortage` and then `reserve` in one synchronous turn is not overtaken in between.
 *
 * Nothing is kept for providers without limits: for their requests it costs one look at an empty map.
 */
import { inputTokens, outputTokens } from '../accounting/usage.ts';
import type { AttemptGate } from '../dispatch/attempt-gate.ts';
import type { Attempt, AttemptObserver, Exchange, ExchangeObserver } from '../exchange.ts';
import { PROVIDER_TYPES } from '../providers/types.ts';
import { type HeadroomView, priorityOf, type Shortage } from '../routing/headroom.ts';
import type { Candidate, RequestFacts } from '../routing/plan.ts';
import type { EffectiveSnapshot } from '../snapshot/effective.ts';
import { SHARE_PARTS } from '../snapshot/rate-messages.ts';
import type { ProviderBody } from '../snapshot/schema.ts';
import type { LimitsBody } from '../snapshot/shapes/limits.ts';
import { AdaptiveLimit } from './adaptive.ts';
import { Claims } from './claims.ts';
import { type FeedClock, HeadroomFeeds } from './feeds.ts';
import { Limiter, UNCLAIMED } from './limiter.ts';
import { Permit } from './permit.ts';

/** What is learned of a model's tokens; `model` names provider and model. */
interface TokenEstimates {
  inputTokens(model: string, estimatedInput: number): number;
  outputReserve(model: string): number;
}

export interface LimitsOptions extends FeedClock {
  readonly estimates: TokenEstimates;
}

/** Asked names of models may be invented by callers; those without calls under way go first. */
const MAX_MODELS = 1024;
/** Answers that say the provider has too much to do. */
const OVERLOADED: ReadonlySet<number> = new Set([429, 498, 503, 529]);

interface ProviderLimits {
  body: ProviderBody;
  readonly whole: Limiter;
  /** By declared name. */
  readonly models: Map<string, Limiter>;
  /** By name of the credential. */
  readonly credentials: Map<string, Limiter>;
  /** Calls at once, by upstream name of the model. */
  readonly atOnce: Map<string, Limiter>;
}

export class Limits implements HeadroomView, AttemptGate, AttemptObserver, ExchangeObserver {
  readonly #options: LimitsOptions;
  readonly #providers = new Map<string, ProviderLimits>();
  readonly #feeds = new HeadroomFeeds();
  readonly #found: Limiter[] = [];
  #shares: ReadonlyMap<string, number> = new Map();
  readonly #claims = new Claims<Limiter>();
  #freed: () => void = () => {};
  #lacked: () => void = () => {};
  readonly #onFree = (): void => this.#freed();

  constructor(options: LimitsOptions) {
    this.#options = options;
  }

  now(): number {
    return this.#options.now();
  }

  /** Is told whenever a call has ended that held something. */
  onFree(listener: () => void): void {
    this.#freed = listener;
  }

  /** Is told whenever a limit had no room for something. */
  onShort(listener: () => void): void {
    this.#lacked = listener;
  }

  /** A new configuration runs. What was counted stays counted where a limit goes on. */
  apply({ providers }: Pick<EffectiveSnapshot, 'providers'>): void {
    const present = new Set<string>();
    for (const { id, body } of providers.values()) {
      if (!body || !isLimited(body)) continue;
      present.add(id);
      this.#configure(id, body);
    }
    for (const id of this.#providers.keys()) if (!present.has(id)) this.#providers.delete(id);
    this.#freed();
  }

  /**
   * Parts of the fleet's limits that are this pod's, above 0 and at most 1, by id of a provider or a credential; what is not in
   * it is the whole limit.
   */
  setShares(shares: ReadonlyMap<string, number>): void {
    this.#shares = shares;
    for (const [id, { body }] of this.#providers) this.#configure(id, body);
    this.#freed();
  }

  /**
   * What the fleet shares: by id of a provider or a credential, the part of its tightest limit that is in use here, in millionths,
   * and whether somebody was refused a moment ago.
   */
  sharesInUse(now: number): { id: string; used: number; short: boolean }[] {
    const shares: { id: string; used: number; short: boolean }[] = [];
    for (const [id, { body, whole, models, credentials }] of this.#providers) {
      if (body.limits || models.size > 0) shares.push(inUse(id, [whole, ...models.values()], now));
      for (const { name, id: key } of body.credentials) {
        const limiter = credentials.get(name);
        if (limiter) shares.push(inUse(key, [limiter], now));
      }
    }
    return shares;
  }

  /** Why a request may not be sent to the candidate now; undefined: it may. `priority`: number of its class, 0 the first. */
  shortage(candidate: Candidate, facts: RequestFacts, priority: number, now: number): Shortage | undefined {
    const limiters = this.#of(candidate);
    let worst: Shortage | undefined;
    if (limiters !== undefined) {
      for (const limiter of limiters) {
        const tokens = limiter.countsTokens ? this.#tokens(candidate, facts) : 0;
        const found = limiter.shortage(tokens, priority, now);
        if (found === undefined) continue;
        this.#claims.lacked(limiter);
        this.#lacked();
        if (worst === undefined || found.until > worst.until) worst = found;
      }
    }
    if (this.#feeds.none) return worst;
    const fed = this.#feeds.shortage(candidate, this.#tokens(candidate, facts), now);
    return fed && (worst === undefined || fed.until > worst.until) ? fed : worst;
  }

  /** Takes part of every limit, or of none: 'Refused'. 'Free': there is none. */
  reserve(
    candidate: Candidate,
    facts: RequestFacts,
    priority: number,
    now: number,
  ): Permit | 'Free' | 'Refused' {
    if (this.#providers.size === 0 && this.#feeds.none) return 'Free';
    const limiters = this.#of(candidate);
    const fed = this.#feeds.find(candidate);
    if (limiters === undefined && fed === undefined) return 'Free';
    if (this.shortage(candidate, facts, priority, now) !== undefined) return 'Refused';
    const tokens = this.#tokens(candidate, facts);
    const holds = (limiters ?? []).map((limiter) => limiter.take(tokens, now));
    return new Permit(holds, this.#feeds.take(candidate, tokens), this.#onFree);
  }

  /** Runs `attempt`. Unless it comes to something, all that was short for it is claimed for its class. */
  claiming<T>(priority: number, attempt: () => T, cameTo: (result: T) => boolean): T {
    return this.#claims.during(priority, attempt, cameTo);
  }

  /** Nobody waits any more. */
  unclaim(): void {
    for (const { whole, models, credentials, atOnce } of this.#providers.values()) {
      whole.claim = UNCLAIMED;
      for (const kind of [models, credentials, atOnce])
        for (const one of kind.values()) one.claim = UNCLAIMED;
    }
  }

  /** The head of an answer is here: what the provider says of its limits is taken in. */
  heard({ candidate, startedAt, permit }: Attempt, rawHeaders: readonly string[]): void {
    permit?.answered();
    // What is left of a caller's own key is nobody else's business.
    if (candidate.credential?.type === 'Passthrough') return;
    const { retryAfter } = PROVIDER_TYPES[candidate.provider.type];
    if (retryAfter.resets.length === 0) return;
    this.#feeds.hear(candidate, startedAt, retryAfter, rawHeaders, this.#options, this.#shareOf(candidate));
  }

  // For dispatch

  take(candidate: Candidate, { facts, plan }: Exchange, now: number): Permit | 'Free' | 'Refused' {
    if (facts === undefined || plan === undefined) return 'Free';
    return this.reserve(candidate, facts, priorityOf(plan.rule), now);
  }

  /** Percent left of what the provider told of its own limits, for others to know; undefined: nothing is short. */
  percentLeft(providerId: string, model: string, now: number): number | undefined {
    return this.#feeds.none ? undefined : this.#feeds.percent(providerId, model, now);
  }

  isLow(candidate: Candidate, _: Exchange, now: number): boolean {
    if (this.#feeds.find(candidate) !== undefined) return true;
    return this.#of(candidate)?.some((limiter) => limiter.isLow(now)) ?? false;
  }

  // Observers

  committed({ candidate, startedAt, committedAt, permit }: Attempt, exchange: Exchange): void {
    if (permit === undefined || committedAt === undefined) return;
    const adaptive = this.#adaptiveOf(candidate);
    const kind = exchange.facts?.stream ? 'Streamed' : 'Whole';
    adaptive?.adaptive?.began(kind, committedAt - startedAt, adaptive.inFlight);
  }

  ended({ candidate, permit, failure, httpStatus, noWork }: Attempt): void {
    if (permit === undefined) return;
    const now = this.#options.now();
    if (failure === 'Timeout' || (httpStatus !== undefined && OVERLOADED.has(httpStatus))) {
      this.#adaptiveOf(candidate)?.adaptive?.overloaded(now);
    }
    permit.end(noWork && failure !== undefined, now);
  }

  /** Every attempt is settled. */
  completed({ attempts }: Exchange): void {
    for (const { permit, settlement } of attempts) {
      if (permit === undefined) continue;
      const now = this.#options.now();
      // One that could not be sent at all has not ended either.
      permit.end(true, now);
      if (settlement === undefined || settlement.source === 'Unknown') continue;
      permit.settle(inputTokens(settlement.usage) + outputTokens(settlement.usage), now);
    }
  }

  #configure(id: string, body: ProviderBody): void {
    let known = this.#providers.get(id);
    if (known === undefined) {
      const name = id.slice('provider/'.length);
      known = {
        body,
        whole: new Limiter(`provider ${name}`),
        models: new Map(),
        credentials: new Map(),
        atOnce: new Map(),
      };
      this.#providers.set(id, known);
    } else if (JSON.stringify(known.body.concurrency) !== JSON.stringify(body.concurrency)) {
      known.atOnce.clear();
    }
    known.body = body;
    const share = this.#shares.get(id) ?? 1;
    known.whole.configure(body.limits ?? {}, share);
    configureAll(known.models, 'model', body.models, () => share);
    configureAll(known.credentials, 'key', body.credentials, (key) => this.#shares.get(key.id) ?? share);
  }

  /** Limits that the candidate falls under; the array is used again by the next call. */
  #of(candidate: Candidate): Limiter[] | undefined {
    if (this.#providers.size === 0) return undefined;
    const limits = this.#providers.get(candidate.providerId);
    if (limits === undefined) return undefined;
    const found = this.#found;
    found.length = 0;
    const { body, whole, models, credentials } = limits;
    if (body.limits) found.push(whole);
    const model = candidate.model && models.get(candidate.model.name);
    if (model) found.push(model);
    const key = candidate.credential && credentials.get(candidate.credential.name);
    if (key) found.push(key);
    if (body.concurrency) found.push(atOnceOf(limits, candidate.upstreamModel));
    return found.length > 0 ? found : undefined;
  }

  #adaptiveOf(candidate: Candidate): Limiter | undefined {
    const limits = this.#providers.get(candidate.providerId);
    return limits?.body.concurrency?.mode === 'Adaptive'
      ? atOnceOf(limits, candidate.upstreamModel)
      : undefined;
  }

  /** What a request is likely to take: its input, and its cap or what answers hardly ever exceed. */
  #tokens(candidate: Candidate, facts: RequestFacts): number {
    if (facts.unread) return 0;
    const { estimates } = this.#options;
    const model = `${candidate.providerId} ${candidate.upstreamModel}`;
    const input = Math.ceil(estimates.inputTokens(model, facts.inputTokens));
    if (facts.needs === 'Embeddings' || facts.needs === 'Rerank') return input;
    return input + (facts.maxOutputTokens ?? estimates.outputReserve(model)) * facts.choices;
  }

  #shareOf({ credential, providerId }: Candidate): number {
    return (credential && this.#shares.get(credential.id)) ?? this.#shares.get(providerId) ?? 1;
  }
}

function inUse(
  id: string,
  limiters: readonly Limiter[],
  now: number,
): { id: string; used: number; short: boolean } {
  const used = Math.max(...limiters.map((limiter) => limiter.partInUse(now)));
  return { id, used: Math.ceil(used * SHARE_PARTS), short: limiters.some((limiter) => limiter.isShort(now)) };
}

function isLimited({ limits, concurrency, models, credentials }: ProviderBody): boolean {
  return (
    limits !== undefined ||
    concurrency !== undefined ||
    models.some((model) => model.limits) ||
    credentials.some((credential) => credential.limits)
  );
}

function configureAll<T extends { name: string; limits?: LimitsBody }>(
  known: Map<string, Limiter>,
  what: string,
  wanted: readonly T[],
  share: (one: T) => number,
): void {
  const present = new Set<string>();
  for (const one of wanted) {
    if (one.limits === undefined) continue;
    present.add(one.name);
    let limiter = known.get(one.name);
    if (limiter === undefined) {
      limiter = new Limiter(`${what} ${one.name}`);
      known.set(one.name, limiter);
    }
    limiter.configure(one.limits, share(one));
  }
  for (const name of known.keys()) if (!present.has(name)) known.delete(name);
}

function atOnceOf({ atOnce, body }: ProviderLimits, model: string): Limiter {
  const known = atOnce.get(model);
  if (known) return known;
  if (atOnce.size >= MAX_MODELS) {
    for (const [name, { inFlight }] of atOnce) {
      if (inFlight > 0) continue;
      atOnce.delete(name);
      break;
    }
  }
  const { concurrency } = body;
  const adaptive = concurrency?.mode === 'Adaptive' ? new AdaptiveLimit(concurrency) : undefined;
  const limiter = new Limiter(`model ${model} at once`, adaptive);
  if (concurrency?.mode === 'Fixed') limiter.configure({ maxConcurrent: concurrency.max }, 1);
  atOnce.set(model, limiter);
  return limiter;
}
