/** What the header of an item says about older sidecars. */
import { requirementsOf } from '../../sidecar/snapshot/additions.ts';
import type { Feature, RouteItem, SnapshotItem } from '../../sidecar/snapshot/schema.ts';

/** @param first features of the first release that the body needs */
export function required(
  item: Pick<SnapshotItem, 'kind' | 'body'> & Pick<RouteItem, 'keeps'>,
  first: readonly Feature[],
): Pick<SnapshotItem, 'requires' | 'advisory'> {
  const { requires, advisory } = requirementsOf(item);
  return {
    requires: [...new Set([...first, ...requires])].sort(),
    ...(advisory.length > 0 && { advisory }),
  };
}
