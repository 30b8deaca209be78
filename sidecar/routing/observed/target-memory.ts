/** What one model of one provider has lately done in this pod, whichever credential or rule asked it. */
import { LearnedRatio } from '../../accounting/estimate.ts';
import { INPUT_BUCKETS } from './buckets.ts';
import { Decayed } from './decayed.ts';
import type { ModelLengths } from './lengths.ts';
import { UnderLoad } from './under-load.ts';
import { Waiting } from './waiting.ts';

/** Oldest waiting attempts that a look at the present takes in. */
const LOOKED_AT = 4;
const SHARE_STEP = 0.05;

/** Time to the committing event, of requests of one size, streamed or whole. */
export class Waits {
  readonly times = new Decayed();
  readonly underLoad = new UnderLoad();
  /** Attempts that have not committed. */
  readonly open = new Waiting();
  /** Others under way beside those that `times` tell of, on average. */
  #usual = 0;

  /**
   * Milliseconds a request is expected to wait beside so many others; undefined before anything is known. More of them than
   * usual cost what they were seen to cost; fewer make nothing faster, until that is seen. Attempts that wait longer than any
   * chance explains are believed before they end: they took as long as they have waited, at the least.
   */
  expected(now: number, beside: number): number | undefined {
    const { times } = this;
    if (!times.known) return undefined;
    let excess = 0;
    let waited = 0;
    let count = 0;
    for (let link = this.open.oldest; link !== undefined && count < LOOKED_AT; link = link.after) {
      const age = now - link.startedAt;
      const more = times.excess(age);
      if (more === 0) break;
      excess += more;
      waited += age;
      count++;
    }
    const more = beside - this.#usual;
    const usual = more > 0 ? times.mean + more * this.underLoad.msEach : times.mean;
    return count > 0 && times.believes(excess) ? Math.max(usual, waited / count) : usual;
  }

  /** Gives by how much what is believed jumped; 1 where it did not. */
  observe(ms: number, beside: number, now: number): number {
    this.underLoad.observe(beside, ms, now);
    const factor = this.times.observe(ms, now);
    const share = factor === 1 ? 1 / this.times.weight(now) : 1;
    this.#usual += share * (beside - this.#usual);
    return factor;
  }
}

/** Shares of the input by what they are billed as, of what is not plain input. */
export interface InputShares {
  cacheRead: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
}

export class TargetMemory {
  /** Attempts under way, to the end of their answers. */
  inFlight = 0;
  /** When an attempt last started. */
  startedAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds from one token of a stream to the next. */
  readonly pace = new Decayed();
  /** The same by each attempt that was under way then, itself included: what it is worth where all share one machine. */
  readonly paceEach = new Decayed();
  readonly shares: InputShares = { cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
  /** What the provider counts by what is estimated. */
  readonly inputRatio = new LearnedRatio();
  readonly lengths: ModelLengths = new Map();
  /** By bucket of input, twice: whole answers, and streams. */
  readonly #waits: (Waits | undefined)[] = [];
  #shared = 0;

  waitsOf(bucket: number, stream: boolean): Waits {
    const at = place(bucket, stream);
    return (this.#waits[at] ??= new Waits());
  }

  /** Those of the nearest size of which anything is known; undefined where nothing is. */
  nearest(bucket: number, stream: boolean): Waits | undefined {
    for (let off = 0; off < INPUT_BUCKETS; off++) {
      const found = this.#known(bucket - off, stream) ?? this.#known(bucket + off, stream);
      if (found) return found;
    }
    return undefined;
  }

  #known(bucket: number, stream: boolean): Waits | undefined {
    if (bucket < 0 || bucket >= INPUT_BUCKETS) return undefined;
    const waits = this.#waits[place(bucket, stream)];
    return waits?.times.known === true ? waits : undefined;
  }

  /** A wait that is over, or has lasted so long at the least. A sudden change tells of all sizes. */
  waited(waits: Waits, ms: number, beside: number, now: number): void {
    const factor = waits.observe(Math.max(1, ms), beside, now);
    if (factor === 1) return;
    for (const other of this.#waits) if (other && other !== waits) other.times.shift(factor);
  }

  /** Parts of the input of one answer, which had `total` tokens of it. */
  billed(parts: InputShares, total: number): void {
    // The first few count fully, so that what is known early is not a mixture with nothing.
    const step = Math.max(SHARE_STEP, 1 / ++this.#shared);
    const { shares } = this;
    shares.cacheRead += step * (parts.cacheRead / total - shares.cacheRead);
    shares.cacheWrite5m += step * (parts.cacheWrite5m / total - shares.cacheWrite5m);
    shares.cacheWrite1h += step * (parts.cacheWrite1h / total - shares.cacheWrite1h);
  }
}

const place = (bucket: number, stream: boolean): number => 2 * bucket + (stream ? 1 : 0);
