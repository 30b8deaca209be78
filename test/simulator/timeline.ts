/** What came of a simulation, request by request, and the figures made of it. */
import type { Attempt } from '../../sidecar/exchange.ts';
import type { Plan } from '../../sidecar/routing/plan.ts';
import type { Asked } from './workload.ts';

export interface Served {
  readonly asked: Asked;
  /** Virtual milliseconds. */
  readonly at: number;
  readonly endedAt: number;
  /** Name of the target whose answer the caller got; undefined without one. */
  readonly target: string | undefined;
  readonly credential: string | undefined;
  readonly attempts: readonly Attempt[];
  readonly plan: Plan | undefined;
  /** To the first token of a stream, or to the whole of an answer in one piece; undefined where nothing came. */
  readonly latencyMs: number | undefined;
  /** To the end, whatever it was. */
  readonly totalMs: number;
  /** All attempts, in nano-USD; those of unknown price count nothing. */
  readonly costNanoUsd: bigint;
  /** Refused: no attempt was made. Failed: attempts were, in vain. Broken: after it had begun. Left: by the caller. */
  readonly outcome: 'Served' | 'Refused' | 'Failed' | 'Broken' | 'Left';
  /** Code of the error the caller got; undefined without one. */
  readonly errorCode: string | undefined;
}

export class Timeline {
  readonly requests: readonly Served[];

  constructor(requests: readonly Served[]) {
    this.requests = requests;
  }

  /** Those that arrived in `from` <= time < `to`. */
  between(from: number, to: number): Timeline {
    return this.where(({ at }) => at >= from && at < to);
  }

  where(holds: (served: Served) => boolean): Timeline {
    return new Timeline(this.requests.filter(holds));
  }

  /** Latency that a share of the requests with an answer stays below; NaN without any. */
  latency(share: number): number {
    const known = this.requests.flatMap(({ latencyMs }) => latencyMs ?? []);
    return quantile(known, share);
  }

  /** The same of the time to the end. */
  total(share: number): number {
    return quantile(
      this.requests.map(({ totalMs }) => totalMs),
      share,
    );
  }

  /** Share of the requests that a target served. */
  shareOf(target: string): number {
    return this.requests.filter((served) => served.target === target).length / this.requests.length;
  }

  count(outcome: Served['outcome']): number {
    return this.requests.filter((served) => served.outcome === outcome).length;
  }

  get costNanoUsd(): bigint {
    return this.requests.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n);
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
