/** Which routes are for which workload. Workloads that select the same routes are one group, and share one snapshot. */
import { compareRoutes } from '../../sidecar/snapshot/precedence.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Namespaces } from './namespaces.ts';
import { compare } from './provider-index.ts';
import { rankOf, reaches, selectsLabels } from './route-source.ts';
import type { Workload } from './types.ts';

/** A route as one group of workloads sees it. */
interface Selected {
  route: CompiledRoute;
  id: string;
  rank: number;
}

export interface Group {
  /** Equal for equal groups. */
  readonly key: string;
  /** In order of precedence. */
  readonly selected: readonly Selected[];
}

type Subject = Pick<Workload, 'namespace' | 'labels'>;

export interface Grouping {
  groupOf(workload: Subject): Group;
}

export function groupWorkloads(routes: readonly CompiledRoute[], namespaces: Namespaces): Grouping {
  const local = Map.groupBy(routes, (route) => route.source.namespace);
  const roaming = routes.filter(({ source }) => source.outline.namespaceSelector !== undefined);
  const candidates = new Map<string, Selected[]>();
  const groups = new Map<string, Group>();
  const known = new WeakMap<Subject['labels'], { namespace: string; group: Group }>();

  /** Routes that workloads of the namespace may select, in order of precedence. */
  const candidatesOf = (namespace: string): Selected[] => {
    let found = candidates.get(namespace);
    if (!found) {
      const own = (local.get(namespace) ?? []).map((route) => seen(route, true));
      const others = roaming
        .filter(({ source }) => source.namespace !== namespace && reaches(source, namespace, namespaces))
        .map((route) => seen(route, false));
      found = [...own, ...others].sort(compareRoutes);
      candidates.set(namespace, found);
    }
    return found;
  };

  return {
    groupOf({ namespace, labels }) {
      const last = known.get(labels);
      if (last?.namespace === namespace) return last.group;
      const selected = candidatesOf(namespace).filter(({ route }) => selectsLabels(route.source, labels));
      // The rank tells local from platform, so it belongs to what makes groups equal.
      const key = selected.map(({ id, rank }) => `${id} ${rank}`).join('\n');
      let group = groups.get(key);
      if (!group) {
        group = { key, selected };
        groups.set(key, group);
      }
      known.set(labels, { namespace, group });
      return group;
    },
  };
}

function seen(route: CompiledRoute, local: boolean): Selected {
  return { route, id: route.source.id, rank: rankOf(route.source, local) };
}

/** Keys of the group's routes, sorted. */
export const routeKeys = (group: Group): string[] =>
  group.selected.map(({ route }) => route.source.key).sort(compare);
