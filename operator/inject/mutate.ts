/** What becomes of a pod. PURE: the same for the admission webhook, `outrider inject` and the checks of running pods. */
import { applyPatch, foldPatch, type Operation } from './json-patch.ts';
import type { NamespaceFacts, Pod } from './pod.ts';
import { problemsOf } from './problems.ts';
import { wantsSidecar } from './selection.ts';
import type { InjectionSettings } from './settings.ts';
import { type Skip, skipOf } from './skips.ts';
import { STEPS } from './steps/steps.ts';
import { subjectOf } from './subject.ts';

export type Injection =
  /** `patch` leads from the pod given to `pod`; it is empty where everything was there already. */
  | { outcome: 'Injected'; pod: Pod; patch: Operation[] }
  | ({ outcome: 'Skipped' } & Skip)
  /** What it asks for cannot be followed; each problem says what would be right. */
  | { outcome: 'Refused'; problems: string[] }
  /** Nobody asked for a sidecar. */
  | { outcome: 'NotWanted' };

/** A pod of ours from an earlier call keeps its sidecar where and as it is; only what was added beside it since is seen to. */
export function inject(pod: Pod, namespace: NamespaceFacts, settings: InjectionSettings): Injection {
  if (!wantsSidecar(pod.metadata.labels ?? {}, namespace, settings)) return { outcome: 'NotWanted' };
  const subject = subjectOf(pod, namespace, settings);
  const skip = skipOf(subject);
  if (skip) return { outcome: 'Skipped', ...skip };
  const problems = problemsOf(subject);
  if (problems.length > 0) return { outcome: 'Refused', problems };
  const patch = foldPatch(STEPS.flatMap((step) => step.operations(subject)));
  return { outcome: 'Injected', pod: applyPatch(pod, patch), patch };
}
