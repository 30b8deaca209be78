/** What is to be said of a pod that exists and has no sidecar. PURE. */
import { inject } from './mutate.ts';
import type { NamespaceFacts, Pod } from './pod.ts';
import { refusal } from './problems.ts';
import type { InjectionSettings } from './settings.ts';
import { type SkipReason, skipMessage } from './skips.ts';

export type UninjectedReason =
  /** It cannot have one, for this reason. */
  | SkipReason
  /** It could have had one: it was made before somebody asked, or while nobody answered. */
  | 'Missing'
  /** It is what would be refused today, so a pod in its place would not be made at all. */
  | 'Refused'
  /** It has one, and nobody serves it: somebody took its label away. */
  | 'Unlabelled';

export interface Uninjected {
  reason: UninjectedReason;
  /** A sentence for the owner of the pod. */
  message: string;
  /** Who makes another one in its place, with a sidecar, when this one is evicted. */
  replacedBy?: { kind: string; name: string; uid: string };
}

/** Controllers that do not put another pod in the place of one that is evicted, or whose pods end by themselves. */
const NO_REPLACEMENT = new Set(['Job', 'Node']);

/** Undefined: all is well. A pod that has ended, or is ending, is past all that. */
export function judgeUninjected(
  pod: Pod,
  namespace: NamespaceFacts,
  settings: InjectionSettings,
): Uninjected | undefined {
  const { phase } = (pod.status ?? {}) as { phase?: string };
  if (phase === 'Succeeded' || phase === 'Failed' || pod.metadata.deletionTimestamp !== undefined)
    return undefined;
  const injection = inject(pod, namespace, settings);
  switch (injection.outcome) {
    case 'NotWanted':
      return undefined;
    case 'Skipped':
      return { reason: injection.reason, message: skipMessage(injection) };
    case 'Refused':
      return {
        reason: 'Refused',
        message: `the pod has no sidecar, and another one like it would be refused: ${refusal(injection.problems)}`,
      };
    case 'Injected':
      return missing(
        pod,
        injection.patch.map(({ path }) => path),
      );
  }
}

function missing(pod: Pod, changes: readonly string[]): Uninjected | undefined {
  const lacksContainer = changes.some((path) => path.startsWith('/spec/initContainers'));
  const lacksLabel = changes.some((path) => path.startsWith('/metadata/labels'));
  if (!lacksContainer && !lacksLabel) return undefined;
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const replacedBy = owner && !NO_REPLACEMENT.has(owner.kind) ? { replacedBy: owner } : {};
  return lacksContainer
    ? {
        reason: 'Missing',
        message:
          'the pod should have a sidecar and has none: it was created before its namespace asked for sidecars, or while injection did not answer; a new pod in its place gets one',
        ...replacedBy,
      }
    : {
        reason: 'Unlabelled',
        message:
          'the label outrider.dev/sidecar was taken away, so the operator does not serve the sidecar of the pod',
      };
}
