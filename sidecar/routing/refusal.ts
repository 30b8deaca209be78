/** Why a plan is empty, as an error that says for each target what is in the way. */
import { OutriderError } from '../../errors/table.ts';
import type { Plan, Reason, RequestFacts } from './plan.ts';
import type { TableRoute } from './table.ts';

/** As the caller is told; undefined where the plan is not empty. */
export function refusal(
  route: TableRoute,
  plan: Plan,
  { dispensable }: Pick<RequestFacts, 'dispensable'>,
): OutriderError | undefined {
  if (plan.candidates.length > 0) return undefined;
  const fallen = plan.considered.filter(({ reason }) => reason !== 'NotPinned' && reason !== 'OtherArm');
  const size =
    fallen.some(({ reason }) => SIZE_REASONS.has(reason)) &&
    !fallen.some(({ reason }) => PASSING_REASONS.has(reason));
  const reasons = fallen.map(({ target, detail }) => `${target}: ${detail}`).join('; ');
  const params = {
    rule: plan.rule.name,
    route: route.key,
    reasons: reasons.length > 1000 ? `${reasons.slice(0, 1000)}…` : reasons,
  };
  if (plan.freeInMs !== undefined)
    return new OutriderError('rate_limited', params, Math.max(1, plan.freeInMs));
  if (fallen.some(({ reason }) => reason === 'StateUnsupported')) {
    return new OutriderError('stateful_unsupported', {
      ...params,
      ...(dispensable !== undefined && { dispensable }),
    });
  }
  return new OutriderError(size ? 'request_too_large_for_targets' : 'no_target', params);
}

/** What the caller can change by asking for less. */
const SIZE_REASONS = new Set<Reason>(['ContextWindowExceeded', 'OutputTooLarge']);
/** What may be otherwise in a moment, with the request as it is. */
const PASSING_REASONS = new Set<Reason>(['ProviderInvalid', 'CredentialMissing', 'Ejected']);
