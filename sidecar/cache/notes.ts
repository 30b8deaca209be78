/** What the cache writes into exchanges that it answers. */
import type { Exchange, Outcome } from '../exchange.ts';
import type { Plan } from '../routing/plan.ts';
import type { TableRule } from '../routing/table.ts';
import type { Clock } from '../snapshot/clock.ts';
import type { Asked } from './asked.ts';
import type { Delivery, Ending, Pace } from './delivery.ts';

export function note({ steps }: Exchange, what: string, detail: string): void {
  steps.push({ stage: 'cache', what, detail });
}

/** Of a request for which nobody is asked. */
export const planOf = ({ body }: TableRule): Plan => ({
  rule: body,
  candidates: [],
  considered: [],
  maxAttempts: 0,
});

export const paceOf = ({ rule }: Asked, clock: Clock): Pace => ({
  clock,
  stallMs: rule.body.timeouts.clientStallMs,
});

/** Of an answer that was not asked for. */
export const outcomeOf = (delivery: Delivery, ending: Ending, streamed: boolean, clock: Clock): Outcome => ({
  status: delivery.status === 0 ? 499 : delivery.status,
  endedAt: clock.monotonic(),
  errorCode: ending === 'Stalled' ? 'client_stalled' : undefined,
  broken: ending === 'Stalled' || ending === 'Broken',
  cancelled: ending === 'Left',
  streamed,
  responseBytes: delivery.written,
});
