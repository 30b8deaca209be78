/** Whose spending it is: the values that a budget tells apart. */
import type { Candidate, RequestFacts } from '../../routing/plan.ts';
import type { BudgetBody, BudgetKeyPart } from '../../snapshot/shapes/budgets.ts';

/** Who this sidecar belongs to. */
export interface PodIdentity {
  readonly namespace: string;
  /** Name of the workload that owns the pod. */
  readonly workload: string;
}

/** Longest value of one part: callers write headers, and invent models. */
const MAX_VALUE = 128;
const MAX_KEY = 512;

/** Undefined: it depends on the request, or on the attempt. */
export function fixedKey(parts: readonly BudgetKeyPart[], pod: PodIdentity): string | undefined {
  const values: string[] = [];
  for (const { by } of parts) {
    if (by === 'Namespace') values.push(pod.namespace);
    else if (by === 'Workload') values.push(pod.workload);
    else return undefined;
  }
  return values.join('/');
}

/** Another target may have another key. */
export const isPerAttempt = ({ key }: Pick<BudgetBody, 'key'>): boolean =>
  key.some(({ by }) => by === 'Model' || by === 'Provider');

/** Values in the order of the parts, joined by `/`. */
export function keyOf(
  parts: readonly BudgetKeyPart[],
  pod: PodIdentity,
  candidate: Candidate,
  facts: RequestFacts,
): string {
  let key = '';
  for (let i = 0; i < parts.length; i++) {
    const value = valueOf(parts[i] as BudgetKeyPart, pod, candidate, facts);
    key = i === 0 ? value : `${key}/${value}`;
  }
  return key.length > MAX_KEY ? key.slice(0, MAX_KEY) : key;
}

/** What rows say besides the namespace, which the ledger knows. */
export function labelOf(
  parts: readonly BudgetKeyPart[],
  pod: PodIdentity,
  candidate: Candidate,
  facts: RequestFacts,
): string {
  const told = parts.filter(({ by }) => by !== 'Namespace');
  return keyOf(told, pod, candidate, facts);
}

function valueOf(part: BudgetKeyPart, pod: PodIdentity, candidate: Candidate, facts: RequestFacts): string {
  switch (part.by) {
    case 'Namespace':
      return pod.namespace;
    case 'Workload':
      return pod.workload;
    case 'Model':
      return cut(candidate.model?.name ?? candidate.upstreamModel);
    case 'Provider':
      return cut(candidate.providerId.slice(candidate.providerId.indexOf('/') + 1));
    case 'Header':
      return cut(facts.header(part.header) ?? '');
  }
}

const cut = (value: string): string => (value.length > MAX_VALUE ? value.slice(0, MAX_VALUE) : value);
