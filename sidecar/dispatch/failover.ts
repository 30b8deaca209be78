/** Whether a failed attempt may be followed by another: a pure question of class, replay class and count. */
import type { Candidate, Plan, ReplayClass } from '../routing/plan.ts';
import type { FailureClass } from '../snapshot/schema.ts';
import type { FailoverListBody } from '../snapshot/shapes/hedging.ts';
import type { Failure } from './failure.ts';

export function mayFailOver(failure: Failure, on: readonly FailureClass[], replay: ReplayClass): boolean {
  const { class: kind } = failure.verdict;
  if (kind === 'Caller' || !on.includes(kind)) return false;
  return mayRepeat(failure, replay);
}

/** Side effects are not repeated: what is not free to repeat needs proof that nothing was executed. */
function mayRepeat(failure: Failure, replay: ReplayClass): boolean {
  switch (replay) {
    case 'Free':
      return true;
    case 'Unsent':
      return (
        failure.verdict.row.event === 'Connect' ||
        failure.status === 429 ||
        (failure.status === 503 && failure.retryAfterMs !== undefined)
      );
    case 'Never':
      return false;
  }
}

/** Failures that can still come once an answer has begun well. */
const AFTER_HEADERS: readonly FailureClass[] = ['StreamError', 'ServerError', 'Timeout'];

/** Whether an answer that has begun well could still be replaced by another attempt. */
export function mayReplace(on: readonly FailureClass[], replay: ReplayClass): boolean {
  return replay === 'Free' && AFTER_HEADERS.some((kind) => on.includes(kind));
}

/** What a class of failures goes on to, in the order of its own list; undefined where it has none. */
export function ownList(
  lists: readonly FailoverListBody[],
  kind: FailureClass | 'Caller',
  plan: Pick<Plan, 'candidates' | 'fallbacks'>,
): Candidate[] | undefined {
  const list = lists.find(({ on }) => (on as readonly string[]).includes(kind));
  if (list === undefined) return undefined;
  const all = plan.fallbacks ? [...plan.candidates, ...plan.fallbacks] : plan.candidates;
  return list.targets.flatMap((name) => all.filter(({ target }) => target.name === name));
}
