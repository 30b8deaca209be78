/**
 * What plain requests count in. Mostly it is the same as for the request of the same target before, so its series are kept with
 * the target instead of being looked up by their labels, each for itself.
 */
import type { Attempt } from '../exchange.ts';
import type { TargetBody } from '../snapshot/schema.ts';
import type { Finished } from './finished.ts';
import { type CallSeries, hasImages } from './record-gen-ai.ts';
import type { CounterSeries, HistogramSeries, MoneySeries } from './series.ts';

export interface PlainSeries {
  readonly requests: CounterSeries;
  readonly attempts: CounterSeries;
  readonly input: CounterSeries;
  readonly output: CounterSeries;
  readonly cost: MoneySeries;
  readonly commit: HistogramSeries;
  readonly call: CallSeries;
}

interface Known {
  readonly series: PlainSeries;
  /** What the labels follow from. */
  readonly rule: unknown;
  readonly route: string | undefined;
  readonly pattern: string | undefined;
  readonly status: number;
  readonly provider: string;
  readonly model: unknown;
  readonly answered: string | undefined;
}

export class PlainSeriesBook {
  readonly #known = new WeakMap<TargetBody, Known>();

  of(finished: Finished, attempt: Attempt, look: () => PlainSeries): PlainSeries {
    const { exchange, outcome } = finished;
    const { candidate } = attempt;
    const known = this.#known.get(candidate.target);
    if (
      known !== undefined &&
      known.rule === exchange.plan?.rule &&
      known.route === exchange.route &&
      known.pattern === exchange.modelPattern &&
      known.status === outcome.status &&
      known.provider === candidate.providerId &&
      known.model === candidate.model &&
      known.answered === attempt.responseModel
    )
      return known.series;
    const series = look();
    this.#known.set(candidate.target, {
      series,
      rule: exchange.plan?.rule,
      route: exchange.route,
      pattern: exchange.modelPattern,
      status: outcome.status,
      provider: candidate.providerId,
      model: candidate.model,
      answered: attempt.responseModel,
    });
    return series;
  }
}

/** A chat in text, answered as a whole at the first call, with nothing from a cache and nothing thought. */
export function isPlainCount({ exchange, outcome, commitMs, tokens }: Finished, attempt: Attempt): boolean {
  const { dialect, hedgeRefused } = exchange;
  if (dialect.operation !== 'chat' || outcome.streamed || commitMs === undefined || hedgeRefused)
    return false;
  if (attempt.kind !== 'First' || attempt.stalled || attempt.settlement?.source !== 'Provider') return false;
  if (hasImages(exchange)) return false;
  const { input, cacheRead, audioInput, output, reasoning, audioOutput } = tokens;
  return input > 0 && output > 0 && cacheRead + audioInput + reasoning + audioOutput === 0;
}
