/** Where a hedge may go: a pure choice. */
import type { Candidate } from '../../routing/plan.ts';

/** What a hedge is sent beside, and what else is known. */
export interface RivalInput {
  readonly candidates: readonly Candidate[];
  /** What the first call was sent to. */
  readonly first: Candidate;
  /** Other models, and targets of other priorities, will do as well. */
  readonly crossModel: boolean;
  /** Healthy, with a key, and not ruled out by what this request has seen. */
  mayServe(candidate: Candidate): boolean;
}

/** In the order of the plan. A hedge that would share the fate of what it hedges is none: key or place must differ. */
export function chooseRival(input: RivalInput): Candidate | undefined {
  const { first, crossModel } = input;
  for (const candidate of input.candidates) {
    if (candidate === first || sharesFate(candidate, first)) continue;
    if (!crossModel && candidate.target.priority !== first.target.priority) continue;
    if (!crossModel && modelOf(candidate) !== modelOf(first)) continue;
    if (input.mayServe(candidate)) return candidate;
  }
  return undefined;
}

function sharesFate(a: Candidate, b: Candidate): boolean {
  return (
    a.providerId === b.providerId &&
    a.provider.region === b.provider.region &&
    a.credential?.id === b.credential?.id
  );
}

/** As the provider's list or the rule calls it: vendors name the same model differently. */
function modelOf({ model, target, upstreamModel }: Candidate): string {
  return model?.name ?? target.model ?? upstreamModel;
}
