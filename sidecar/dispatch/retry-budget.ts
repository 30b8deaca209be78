/**
 * How often a provider may be asked again by requests that it has failed already. A bucket per route and provider: each
 * request that comes to the provider brings a share of a token, each repetition takes a whole one. So what a provider gets
 * is bounded by what callers send, however many attempts their requests have left. Going to a provider that has not been
 * asked costs nothing: that moves load and does not multiply it.
 */
import type { RuleBody } from '../snapshot/schema.ts';
import type { RetryBudgetBody } from '../snapshot/shapes/hedging.ts';

/** Of rules that set none and allow many attempts. Up to three, every request brings as much as it can take. */
const DEFAULT_BUDGET: RetryBudgetBody = { percent: 200, minPerSecond: 10 };
const UNBOUNDED_ATTEMPTS = 3;

export function retryBudgetOf({
  retryBudget,
  maxAttempts,
}: RuleBody['failover']): RetryBudgetBody | undefined {
  return retryBudget ?? (maxAttempts > UNBOUNDED_ATTEMPTS ? DEFAULT_BUDGET : undefined);
}

/** Seconds of `minPerSecond`, and requests' worth of tokens, that can be saved up. */
const SAVED_SECONDS = 10;
const SAVED_REQUESTS = 100;
/** The one that was used longest ago goes first. */
const MAX_BUCKETS = 1024;

/** Ten tenths add up to a little less than one. */
const WHOLE = 1 - 1e-9;

interface Bucket {
  tokens: number;
  at: number;
}

export class RetryBudgets {
  readonly #buckets = new Map<string, Bucket>();

  /** A request comes to the provider for the first time. */
  earn(route: string, providerId: string, budget: RetryBudgetBody, now: number): void {
    const bucket = this.#bucket(route, providerId, budget, now);
    bucket.tokens = Math.min(most(budget), bucket.tokens + budget.percent / 100);
  }

  /** Whether a repetition could be paid for. */
  has(route: string, providerId: string, budget: RetryBudgetBody, now: number): boolean {
    return this.#bucket(route, providerId, budget, now).tokens >= WHOLE;
  }

  spend(route: string, providerId: string, budget: RetryBudgetBody, now: number): void {
    this.#bucket(route, providerId, budget, now).tokens -= 1;
  }

  get size(): number {
    return this.#buckets.size;
  }

  #bucket(route: string, providerId: string, budget: RetryBudgetBody, now: number): Bucket {
    const key = `${route} ${providerId}`;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      const [oldest] = this.#buckets.size >= MAX_BUCKETS ? this.#buckets.keys() : [];
      if (oldest !== undefined) this.#buckets.delete(oldest);
      bucket = { tokens: budget.minPerSecond, at: now };
    } else {
      // Last in order again.
      this.#buckets.delete(key);
      const earned = ((now - bucket.at) * budget.minPerSecond) / 1000;
      bucket.tokens = Math.min(most(budget), bucket.tokens + earned);
      bucket.at = now;
    }
    this.#buckets.set(key, bucket);
    return bucket;
  }
}

const most = ({ percent, minPerSecond }: RetryBudgetBody): number =>
  Math.max(1, minPerSecond * SAVED_SECONDS + (SAVED_REQUESTS * percent) / 100);

/** The sentence of the explanation. */
export function spentDetail(providerId: string, { percent, minPerSecond }: RetryBudgetBody): string {
  const name = providerId.slice(providerId.indexOf('/') + 1);
  return `provider ${name} is not asked again: repetitions have come to ${percent} % of requests and ${minPerSecond}/s`;
}
