/** Lets requests wait whose rule allows it, when no target has headroom; see `queue.ts` for who goes first. */
import { OutriderError } from '../../../errors/table.ts';
import { timeBeforeCommit } from '../../dispatch/commit-budget.ts';
import type { Exchange } from '../../exchange.ts';
import { priorityOf } from '../../routing/headroom.ts';
import { CallerGone } from '../../server/body-options.ts';
import type { Clock } from '../../snapshot/clock.ts';
import type { RuleBody } from '../../snapshot/schema.ts';
import type { Limits } from '../limits.ts';
import type { RateLimits } from '../rates/rates.ts';
import { RateRefusal } from '../rates/refusal.ts';
import { AdmissionQueue, type Waiting } from './queue.ts';

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  /** Limits of rates of rules. Unset: nobody waits for them. */
  readonly rates?: RateLimits;
  /** Bytes that requests may hold while they wait: part of the memory budget, not besides it. */
  readonly maxBytes: number;
  readonly maxWaiting?: number;
}

/** One request that may wait. */
export interface Asking {
  readonly exchange: Exchange;
  readonly rule: RuleBody;
  /** Bytes held for its body. */
  readonly bytes: number;
  /** Plans again. Throws what the caller is told where that leads nowhere. */
  readonly plan: () => void;
  /** Sends what was planned, in the same turn. */
  readonly send: () => Promise<void>;
}

export class Admission {
  readonly queue: AdmissionQueue;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #rates: RateLimits | undefined;

  constructor({ clock, limits, rates, maxBytes, maxWaiting }: AdmissionOptions) {
    this.#clock = clock;
    this.#limits = limits;
    this.#rates = rates;
    this.queue = new AdmissionQueue({
      clock,
      maxBytes,
      unclaim: () => {
        limits.unclaim();
        rates?.unclaim();
      },
      ...(maxWaiting !== undefined && { maxWaiting }),
    });
    limits.onFree(() => this.queue.freed());
    rates?.onFree(() => this.queue.freed());
  }

  /**
   * What follows when planning has refused a request with `error`: undefined where it may not wait. Otherwise it settles as
   * `send` does once there is room, or rejects with what the caller is told.
   */
  wait(asking: Asking, error: unknown): Promise<void> | undefined {
    if (!isBusy(error)) return undefined;
    const maxWaitMs =
      error instanceof RateRefusal ? error.maxWaitMs : (asking.rule.admission?.maxWaitMs ?? 0);
    if (maxWaitMs === 0) return undefined;
    const { exchange, rule } = asking;
    const since = this.#clock.monotonic();
    // The caller's own client has its patience too.
    const patience = timeBeforeCommit(rule.timeouts.requestMs, exchange.facts?.header('x-stainless-timeout'));
    const deadline = Math.min(since + maxWaitMs, exchange.startedAt + patience);
    if (deadline <= since) return undefined;
    return new Promise((resolve, reject) => {
      const limits = { limits: this.#limits, rates: this.#rates };
      const entry = new Entry(asking, error, limits, this.queue, since, deadline, { resolve, reject });
      if (!this.queue.add(entry, since + (error.retryAfterMs ?? 0))) {
        entry.shed(error.retryAfterMs ?? 0, since);
      }
    });
  }
}

const went = (result: true | { until: number }): boolean => result === true;

const isBusy = (error: unknown): error is OutriderError =>
  error instanceof OutriderError && (error.code === 'rate_limited' || error.code === 'rate_limit_exceeded');

/** What there may be no room in. */
interface Limited {
  readonly limits: Limits;
  readonly rates: RateLimits | undefined;
}

class Entry implements Waiting {
  readonly priority: number;
  readonly group: object;
  readonly bytes: number;
  readonly since: number;
  readonly deadline: number;
  readonly #asking: Asking;
  /** Why it could not go on when it was asked last. */
  #last: OutriderError;
  readonly #limits: Limited;
  readonly #queue: AdmissionQueue;
  readonly #settled: { resolve(value: Promise<void>): void; reject(error: unknown): void };
  readonly #onGone = (): void => this.#gone();

  constructor(
    asking: Asking,
    error: OutriderError,
    limits: Limited,
    queue: AdmissionQueue,
    since: number,
    deadline: number,
    settled: { resolve(value: Promise<void>): void; reject(error: unknown): void },
  ) {
    this.priority = priorityOf(asking.rule);
    this.group = error instanceof RateRefusal ? error.group : asking.rule;
    this.#last = error;
    this.bytes = asking.bytes;
    this.since = since;
    this.deadline = deadline;
    this.#asking = asking;
    this.#limits = limits;
    this.#queue = queue;
    this.#settled = settled;
    asking.exchange.res.on('close', this.#onGone);
  }

  goOn(now: number): true | { until: number } {
    const { limits, rates } = this.#limits;
    const attempt = (): true | { until: number } =>
      limits.claiming(this.priority, () => this.#try(now), went);
    return rates ? rates.claiming(this.priority, attempt, went) : attempt();
  }

  expired(freeInMs: number, now: number): void {
    if (this.#last instanceof RateRefusal) {
      this.#refuse(this.#last, now);
      return;
    }
    const waited = `${Math.round(now - this.since)}ms`;
    this.#refuse(new OutriderError('admission_timeout', { ...this.#names(), waited }, freeInMs), now);
  }

  shed(freeInMs: number, now: number): void {
    const params = { ...this.#names(), class: this.#asking.rule.admission?.class ?? 'Normal' };
    this.#refuse(new OutriderError('admission_shed', params, Math.max(1, freeInMs)), now);
  }

  #try(now: number): true | { until: number } {
    const { plan, send } = this.#asking;
    try {
      plan();
    } catch (error) {
      // One that may not be waited for has come up meanwhile: it is refused as it would have been at first.
      if (isBusy(error) && !(error instanceof RateRefusal && error.maxWaitMs === 0)) {
        this.#last = error;
        return { until: now + (error.retryAfterMs ?? 0) };
      }
      this.#refuse(error, now);
      return true;
    }
    this.#note('Admitted', now);
    this.#settled.resolve(send());
    return true;
  }

  #names(): { rule: string; route: string } {
    const { rule, exchange } = this.#asking;
    return { rule: rule.name, route: exchange.route ?? '' };
  }

  #gone(): void {
    this.#queue.leave(this);
    this.#refuse(new CallerGone(), this.#limits.limits.now());
  }

  #refuse(error: unknown, now: number): void {
    this.#note('NotAdmitted', now);
    this.#settled.reject(error);
  }

  #note(what: string, now: number): void {
    const { exchange, rule } = this.#asking;
    const waitedMs = now - this.since;
    exchange.res.off('close', this.#onGone);
    exchange.waitedMs = waitedMs;
    const detail = `class ${rule.admission?.class ?? 'Normal'}, after ${Math.round(waitedMs)} ms of waiting for headroom`;
    exchange.steps.push({ stage: 'admit', what, detail });
  }
}
