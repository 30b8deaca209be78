/**
 * Limits of rates of rules and policies: a request takes its part of every one, or of none. Rules without limits cost one look at
 * a member that is not there.
 */

import { inputTokens, outputTokens } from '../../accounting/usage.ts';
import type { Exchange, ExchangeObserver } from '../../exchange.ts';
import { priorityOf } from '../../routing/headroom.ts';
import type { RequestFacts } from '../../routing/plan.ts';
import type { LimitStanding, RatesView } from '../../routing/rates-view.ts';
import type { EffectiveSnapshot } from '../../snapshot/effective.ts';
import type { RuleBody } from '../../snapshot/schema.ts';
import { allowsOf, keyKind, type RateLimitBody } from '../../snapshot/shapes/rate-limits.ts';
import { Claims } from '../claims.ts';
import { UNCLAIMED } from '../limiter.ts';
import type { Bucket, RateHold, RateShortage } from './bucket.ts';
import type { Sharer } from './fair-shares.ts';
import { keyOf, LimitKeys } from './limit-keys.ts';
import { type PassMeans, RatePass } from './pass.ts';
import type { FleetStanding } from './quota.ts';
import { RateRefusal } from './refusal.ts';

export interface RateLimitsOptions {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
  /** Name of the workload that the pod belongs to; empty where it is not known. */
  readonly workload: string;
  /** What answers of a rule's first target hardly ever exceed, in tokens; `model` names provider and model. */
  readonly outputReserve: (model: string) => number;
  readonly fleet: FleetStanding;
  /** Somebody was refused: the leader may have more. */
  readonly onShort?: () => void;
}

/** While it may be granted in a moment, a request waits so long even where it may not wait otherwise. */
const LEASE_WAIT_MS = 250;

export class RateLimits implements ExchangeObserver, RatesView {
  readonly #o: RateLimitsOptions;
  readonly #limits = new Map<string, LimitKeys>();
  #ofRule = new WeakMap<RuleBody, readonly LimitKeys[]>();
  readonly #amounts: number[] = [];
  readonly #sharers: (Sharer | undefined)[] = [];
  readonly #claims = new Claims<Bucket>();
  #freed: () => void = () => {};
  readonly #means: PassMeans;

  constructor(options: RateLimitsOptions) {
    this.#o = options;
    const { now, wall, fleet } = options;
    this.#means = { now, wall, fleet, onFree: () => this.#freed() };
  }

  get limits(): ReadonlyMap<string, LimitKeys> {
    return this.#limits;
  }

  /** Is told whenever there may be more room than before. */
  onFree(listener: () => void): void {
    this.#freed = listener;
  }

  freed(): void {
    this.#freed();
  }

  /** Another configuration runs. What was counted stays counted where a limit goes on. */
  apply({ routes }: Pick<EffectiveSnapshot, 'routes'>): void {
    const present = new Set<string>();
    for (const { body } of routes) {
      for (const { rateLimits } of body?.rules ?? []) {
        for (const limit of rateLimits ?? []) {
          present.add(limit.id);
          const known = this.#limits.get(limit.id);
          if (known) known.configure(limit);
          else this.#limits.set(limit.id, new LimitKeys(limit, this.#o.workload));
        }
      }
    }
    for (const id of this.#limits.keys()) if (!present.has(id)) this.#limits.delete(id);
    this.#ofRule = new WeakMap();
    this.#freed();
  }

  /** Takes part of every limit of the rule. Throws RateRefusal, and then nothing is taken. */
  admit(exchange: Exchange, rule: RuleBody): void {
    const { facts } = exchange;
    if (rule.rateLimits === undefined || facts === undefined || exchange.rates?.held) return;
    const now = this.#o.now();
    const limits = this.#of(rule);
    const tokens = this.#tokens(rule, facts);
    const priority = priorityOf(rule);
    const again = exchange.rates !== undefined;
    exchange.rates ??= new RatePass(
      rule,
      limits.map((limit) => limit.bucket(facts, now)),
      this.#means,
    );
    const { rates } = exchange;
    let worst: RateShortage | undefined;
    let wait = Number.POSITIVE_INFINITY;
    for (let i = 0; i < limits.length; i++) {
      const bucket = rates.buckets[i] as Bucket;
      const amount = bucket.amountOf(tokens);
      const { fair, maxWaitMs } = bucket.body;
      const sharer = fair && bucket.sharer(keyOf(fair.by, facts, this.#o.workload), again ? 0 : amount, now);
      this.#amounts[i] = amount;
      this.#sharers[i] = sharer;
      const shortage = bucket.shortage(amount, sharer, priority, this.#o.fleet, now);
      if (shortage === undefined) continue;
      this.#claims.lacked(bucket);
      wait = Math.min(wait, shortage.soon ? Math.max(maxWaitMs, LEASE_WAIT_MS) : maxWaitMs);
      if (worst === undefined || shortage.until > worst.until) worst = shortage;
    }
    if (worst !== undefined) this.#refuse(worst, rates, exchange, rule, wait, now);
    const holds: RateHold[] = [];
    for (let i = 0; i < limits.length; i++) {
      holds.push((rates.buckets[i] as Bucket).take(this.#amounts[i] as number, this.#sharers[i], now));
    }
    rates.hold(holds);
  }

  /** The request goes no further for now: what it took is given back. */
  release(exchange: Exchange): void {
    exchange.rates?.end(true, undefined);
  }

  /** Runs `attempt`. Unless it comes to something, all that was short for it is claimed for its class. */
  claiming<T>(priority: number, attempt: () => T, cameTo: (result: T) => boolean): T {
    return this.#claims.during(priority, attempt, cameTo);
  }

  /** Nobody waits any more. */
  unclaim(): void {
    for (const { buckets } of this.#limits.values())
      for (const bucket of buckets.values()) bucket.claim = UNCLAIMED;
  }

  /** Every attempt is settled. One that nobody was asked for does not count, unless it was answered from what is kept here. */
  completed({ rates, attempts, outcome }: Exchange): void {
    if (!rates?.held) return;
    const refund = attempts.length === 0 && (outcome === undefined || outcome.status >= 400);
    let tokens: number | undefined = 0;
    for (const { settlement } of attempts) {
      if (settlement === undefined || settlement.source === 'Unknown') tokens = undefined;
      else if (tokens !== undefined) {
        tokens += inputTokens(settlement.usage) + outputTokens(settlement.usage);
      }
    }
    rates.end(refund, tokens);
  }

  /** How each limit of the rule stands for such a request. Changes nothing. */
  standing(rule: RuleBody, facts: RequestFacts): LimitStanding[] {
    if (rule.rateLimits === undefined) return [];
    const now = this.#o.now();
    const tokens = this.#tokens(rule, facts);
    return rule.rateLimits.map((body) => {
      const bucket = this.#limits.get(body.id)?.find(facts);
      return standingOf(body, bucket, tokens, priorityOf(rule), this.#o.fleet, now);
    });
  }

  #of(rule: RuleBody): readonly LimitKeys[] {
    let limits = this.#ofRule.get(rule);
    if (limits === undefined) {
      limits = (rule.rateLimits ?? []).map((limit) => {
        const known = this.#limits.get(limit.id) ?? new LimitKeys(limit, this.#o.workload);
        this.#limits.set(limit.id, known);
        return known;
      });
      this.#ofRule.set(rule, limits);
    }
    return limits;
  }

  /** What a request is likely to take, before it is known who serves it: its input, and its cap or what answers hardly ever exceed. */
  #tokens({ targets }: RuleBody, facts: RequestFacts): number {
    if (facts.unread) return 0;
    if (facts.needs === 'Embeddings' || facts.needs === 'Rerank') return facts.inputTokens;
    let output = facts.maxOutputTokens;
    if (output === undefined) {
      const first = targets[0];
      output = this.#o.outputReserve(`${first?.provider} ${first?.model ?? facts.askedModel}`);
    }
    return facts.inputTokens + output * facts.choices;
  }

  #refuse(
    worst: RateShortage,
    rates: RatePass,
    exchange: Exchange,
    rule: RuleBody,
    wait: number,
    now: number,
  ): never {
    const { bucket, until, detail, group } = worst;
    const limit = bucket.body.id;
    if (rates.refusedBy === undefined) {
      const of = bucket.body.key.length > 0 ? `by ${keyKind(bucket.body.key)}` : 'of all requests';
      exchange.steps.push({ stage: 'admit', what: `limit ${nameOf(limit)}`, detail: `${of}: ${detail}` });
    }
    rates.refusedBy = limit;
    this.#o.onShort?.();
    const params = { limit: nameOf(limit), rule: rule.name, route: exchange.route ?? '', reason: detail };
    throw new RateRefusal(params, until - now, wait, group);
  }
}

const nameOf = (id: string): string => id.slice(id.lastIndexOf('/') + 1);

function standingOf(
  body: RateLimitBody,
  bucket: Bucket | undefined,
  tokens: number,
  priority: number,
  fleet: FleetStanding,
  now: number,
): LimitStanding {
  const { id, key, rate } = body;
  const base = { limit: id, key: keyKind(key), allows: allowsOf(body) };
  if (bucket === undefined) return { ...base, fits: true, detail: 'nothing of it is used in this pod' };
  const remaining = rate
    ? bucket.remaining(fleet, now)
    : Math.max(0, (bucket.atOnce?.inHand(fleet, now) ?? 0) - bucket.inFlight);
  const shortage = bucket.peek(bucket.amountOf(tokens), priority, fleet, now);
  const detail = shortage ?? `${remaining} left in this pod`;
  return { ...base, fits: shortage === undefined, detail };
}
