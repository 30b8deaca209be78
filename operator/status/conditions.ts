/** PURE: conditions as Kubernetes wants them: one per type, times that move only with the status, bounded messages. */
import type { Condition } from '../../crds/common.ts';

export type ConditionType = 'Ready' | 'Accepted' | 'ResolvedRefs' | 'Programmed' | 'Conflicted' | 'Healthy';

/** A condition before it is known whether its status is a new one. */
export interface Finding {
  type: ConditionType;
  status: Condition['status'];
  reason: string;
  message: string;
}

const MAX_MESSAGE = 32_768;

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: ConditionType,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** @param now milliseconds since the epoch */
export function toCondition(
  { type, status, reason, message }: Finding,
  generation: number,
  before: Condition | undefined,
  now: number,
): Condition {
  return {
    type,
    status,
    observedGeneration: generation,
    // Whole seconds, as Kubernetes writes its own times.
    lastTransitionTime:
      before?.status === status
        ? before.lastTransitionTime
        : new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
    reason,
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message,
  };
}
