/** Routes with what decides where they apply: workloads they are for, and their rank there. */
import type { LLMRoute, LLMRouteSpec } from '../../crds/llmroute.ts';
import { llmRoute } from '../../crds/llmroute.ts';
import type { ItemId } from '../../sidecar/snapshot/schema.ts';
import { withEqualParts } from './equal-parts.ts';
import type { Namespaces } from './namespaces.ts';
import { once } from './once.ts';
import { type Parsed, parseSpec } from './parse.ts';
import { isEmpty, selects } from './selectors.ts';
import type { Workload } from './types.ts';
import { outlineRoute, type RouteOutline } from './unparsed.ts';

export interface RouteSource {
  object: LLMRoute;
  namespace: string;
  name: string;
  /** `namespace/name`. */
  key: string;
  id: ItemId;
  parsed: Parsed<LLMRouteSpec>;
  outline: RouteOutline;
}

const sources = new WeakMap<LLMRoute, RouteSource>();

export const routeSource = (object: LLMRoute): RouteSource =>
  once(sources, object, () => {
    const { namespace = '', name } = object.metadata;
    const key = `${namespace}/${name}`;
    const parsed = parseSpec(llmRoute, object);
    const outline = withEqualParts(outlineRoute(object.spec));
    return { object, namespace, name, key, id: `route/${key}`, parsed, outline };
  });

/** Whether the route reaches beyond its own namespace to `namespace`. */
export function reaches(route: RouteSource, namespace: string, namespaces: Namespaces): boolean {
  const { namespaceSelector } = route.outline;
  return (
    namespaceSelector !== undefined &&
    namespaces.isPlatform(route.namespace) &&
    selects(namespaceSelector, namespaces.labels(namespace))
  );
}

/** Whether the route's workloadSelector takes the labels; one that cannot be read takes none. */
export function selectsLabels(route: RouteSource, labels: Workload['labels']): boolean {
  return route.outline.workloadSelector !== undefined && selects(route.outline.workloadSelector, labels);
}

const FROM_PLATFORM = 2 ** 41;
const SELECTS_ALL = 2 ** 40;

/**
 * Local before platform, a selector before none, older before newer; equal ranks go by name, that is by id. Made of the
 * route alone, so that no other route coming or going changes it.
 */
export function rankOf(route: RouteSource, local: boolean): number {
  const created = Math.floor(Date.parse(route.object.metadata.creationTimestamp ?? '') / 1000);
  const age = Number.isFinite(created) ? Math.min(Math.max(created, 0), SELECTS_ALL - 1) : 0;
  return (local ? 0 : FROM_PLATFORM) + (isEmpty(route.outline.workloadSelector) ? SELECTS_ALL : 0) + age;
}
