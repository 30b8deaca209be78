/** What one request holds of every limit of its rule: taken together, and given back once, whatever becomes of it. */
import type { RuleBody } from '../../snapshot/schema.ts';
import type { Bucket, RateHold } from './bucket.ts';
import { rateHeaders } from './headers.ts';
import type { FleetStanding } from './quota.ts';

/** What all requests have in common. */
export interface PassMeans {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
  readonly fleet: FleetStanding;
  /** There may be room again. */
  readonly onFree: () => void;
}

const NOTHING: readonly RateHold[] = [];

export class RatePass {
  /** Of every limit of the rule, in order. */
  readonly buckets: readonly Bucket[];
  readonly rule: RuleBody;
  /** Id of the limit that had no room at first. Undefined: each had. */
  refusedBy: string | undefined = undefined;
  readonly #means: PassMeans;
  #holds: readonly RateHold[] = NOTHING;

  constructor(rule: RuleBody, buckets: readonly Bucket[], means: PassMeans) {
    this.rule = rule;
    this.buckets = buckets;
    this.#means = means;
  }

  /** Its part of each limit is taken, and not given back yet. */
  get held(): boolean {
    return this.#holds !== NOTHING;
  }

  hold(holds: readonly RateHold[]): void {
    this.#holds = holds;
  }

  /** `tokens`: what it took in the end; undefined: as estimated. `refund`: it does not count at all. Of account only while held. */
  end(refund: boolean, tokens: number | undefined): void {
    if (this.#holds === NOTHING) return;
    const holds = this.#holds;
    this.#holds = NOTHING;
    const now = this.#means.now();
    for (const hold of holds) {
      const { bucket } = hold;
      bucket.end(hold, refund, now);
      if (!refund && tokens !== undefined && bucket.body.rate?.of === 'Tokens')
        bucket.change(hold, tokens, now);
    }
    this.#means.onFree();
  }

  /** Appends what a caller is told of its limits, names and values in turn. */
  tell(dialect: string, out: string[]): void {
    const { fleet, now, wall } = this.#means;
    rateHeaders(this.buckets, dialect, fleet, now(), wall(), out);
  }
}
