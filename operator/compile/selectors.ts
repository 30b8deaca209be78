/** Kubernetes label selectors over plain labels. */
import type { LabelSelector } from '../../crds/common.ts';

type Labels = Readonly<Record<string, string>>;

/** Whether the labels satisfy the selector; an absent or empty one selects everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (!selector) return true;
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (own(labels, key) !== value) return false;
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const value = own(labels, key);
    const listed = value !== undefined && (values ?? []).includes(value);
    if (
      operator === 'In'
        ? !listed
        : operator === 'NotIn'
          ? listed
          : (operator === 'Exists') !== (value !== undefined)
    )
      return false;
  }
  return true;
}

/** Whether the selector says nothing, and so ranks below one that does. */
export function isEmpty(selector: LabelSelector | undefined): boolean {
  return (
    Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0
  );
}

const own = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;
