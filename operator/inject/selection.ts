/** Which pods want a sidecar: the namespace opts in, the pod has the last word, the cluster's own pods are never asked. */
import { INJECT_LABEL, INJECTION_ENABLED, INJECTION_LABEL } from './names.ts';
import type { NamespaceFacts } from './pod.ts';
import { excludedNamespaces, type InjectionSettings } from './settings.ts';

export const isOptedIn = ({ labels }: Pick<NamespaceFacts, 'labels'>): boolean =>
  labels[INJECTION_LABEL] === INJECTION_ENABLED;

/** A label of neither value leaves the pod to its namespace, and is then refused where that opted in. */
export function wantsSidecar(
  podLabels: Readonly<Record<string, string>>,
  namespace: NamespaceFacts,
  settings: InjectionSettings,
): boolean {
  if (excludedNamespaces(settings).includes(namespace.name)) return false;
  const asked = podLabels[INJECT_LABEL];
  if (asked === 'true') return true;
  return asked !== 'false' && isOptedIn(namespace);
}

interface Selector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/**
 * The same rule as two pairs of label selectors that never both match: pods of namespaces that opted in, and pods that ask in
 * other namespaces. API servers evaluate these themselves, from what they store.
 */
export function selectors(
  settings: InjectionSettings,
): Record<'namespace' | 'pod', { namespaceSelector: Selector; objectSelector: Selector }> {
  const notExcluded = {
    key: 'kubernetes.io/metadata.name',
    operator: 'NotIn',
    values: excludedNamespaces(settings),
  };
  const enabled = (operator: 'In' | 'NotIn') => ({
    key: INJECTION_LABEL,
    operator,
    values: [INJECTION_ENABLED],
  });
  return {
    namespace: {
      namespaceSelector: { matchExpressions: [notExcluded, enabled('In')] },
      objectSelector: { matchExpressions: [{ key: INJECT_LABEL, operator: 'NotIn', values: ['false'] }] },
    },
    pod: {
      namespaceSelector: { matchExpressions: [notExcluded, enabled('NotIn')] },
      objectSelector: { matchLabels: { [INJECT_LABEL]: 'true' } },
    },
  };
}
