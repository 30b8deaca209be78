/** A request that a limit of a rate refuses. */
import { OutriderError } from '../../../errors/table.ts';

export class RateRefusal extends OutriderError {
  /** How long the request may wait for room instead; 0: not at all. */
  readonly maxWaitMs: number;
  /** Those who wait take turns by it. */
  readonly group: object;

  constructor(
    params: { limit: string; rule: string; route: string; reason: string },
    retryAfterMs: number,
    maxWaitMs: number,
    group: object,
  ) {
    super('rate_limit_exceeded', params, Math.max(1, Math.ceil(retryAfterMs)));
    this.maxWaitMs = maxWaitMs;
    this.group = group;
  }
}
