/** What a rule's class and patience come to for a request, for explanations. */
import type { Plan, Step } from './plan.ts';

const seconds = (ms: number): string => `${Math.max(0.1, Math.round(ms / 100) / 10)} s`;

/** Whether the request would wait, where nothing has room for it now. */
export const wouldWait = ({ rule, freeInMs, candidates }: Plan): boolean =>
  candidates.length === 0 && freeInMs !== undefined && (rule.admission?.maxWaitMs ?? 0) > 0;

/** Empty for rules that say nothing of it. */
export function admissionSteps(plan: Plan): Step[] {
  const { admission } = plan.rule;
  if (admission === undefined) return [];
  const { class: priority, maxWaitMs } = admission;
  const patience = maxWaitMs === 0 ? 'does not wait' : `waits for room for up to ${seconds(maxWaitMs)}`;
  const now = wouldWait(plan)
    ? `; nothing has room now, so it would wait, and the first target has some in ${seconds(plan.freeInMs ?? 0)}`
    : '';
  return [{ stage: 'admit', what: 'admission', detail: `class ${priority}, ${patience}${now}` }];
}
