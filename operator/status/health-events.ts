/** PURE: what people are told when the health of a provider is another than its status said. */
import { API_VERSION, type Condition } from '../../crds/common.ts';
import type { Verdict } from '../compile/types.ts';
import type { ClusterEvent } from '../events.ts';
import { findCondition } from './conditions.ts';

interface Conditioned {
  conditions?: Condition[];
}

/** Undefined where there is nothing new: numbers in a message are for the status alone. */
export function healthEvent(
  { kind, namespace, name, uid }: Verdict,
  before: Conditioned | undefined,
  after: Conditioned,
): ClusterEvent | undefined {
  const was = findCondition(before?.conditions, 'Healthy');
  const is = findCondition(after.conditions, 'Healthy');
  if (is === undefined || is.reason === was?.reason) return undefined;
  const isTrouble = troubling(is);
  if (!isTrouble && !(was && troubling(was))) return undefined;
  return {
    regarding: { apiVersion: API_VERSION, kind, namespace, name, uid },
    type: isTrouble ? 'Warning' : 'Normal',
    reason: is.reason,
    action: 'Observe',
    note: is.message,
  };
}

/** Pods get answers still, and see it getting worse. */
const WORSENING = 'Worsening';

const troubling = ({ status, reason }: Condition): boolean => status === 'False' || reason === WORSENING;
