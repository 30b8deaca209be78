/** Which route answers for the asked model: exact, then the longest prefix, then `*`; never the next one after a refusal. */
import { OutriderError } from '../../errors/table.ts';
import type { RoutingTable, Served, TableRoute } from './table.ts';

export interface Resolved {
  route: TableRoute;
  /** The pattern of the route's models that took the name: the bounded label of the asked model. */
  pattern: string;
}

const MAX_NAMED = 10;

/** `table` is undefined while no configuration has arrived. */
export function resolveRoute(
  table: RoutingTable | undefined,
  askedModel: string | undefined,
): Resolved | OutriderError {
  if (!table) return new OutriderError('config_unavailable', {}, 1000);
  if (askedModel === undefined) return onlyRoute(table.routes);
  const served = find(table, askedModel);
  if (!served) return new OutriderError('no_route', { model: askedModel, hint: hintOf(table) });
  return usable(served);
}

function find(table: RoutingTable, model: string): Served | undefined {
  const exact = table.exact.get(model);
  if (exact) return exact;
  for (const length of table.prefixLengths) {
    const served = length <= model.length ? table.prefixes.get(model.slice(0, length)) : undefined;
    if (served) return served;
  }
  return undefined;
}

/** A request without a model has a route only where there is no choice. */
export function onlyRoute(routes: readonly TableRoute[]): Resolved | OutriderError {
  const [route] = routes;
  if (!route) return new OutriderError('no_route', { model: '', hint: 'no route is for this pod' });
  if (routes.length > 1) {
    const names = routes.slice(0, MAX_NAMED).map((r) => r.key);
    if (routes.length > MAX_NAMED) names.push(`${routes.length - MAX_NAMED} more`);
    return new OutriderError('model_ambiguous', { routes: names.join(', ') });
  }
  return usable({ route, pattern: route.models[0] ?? '*' });
}

function usable({ route, pattern }: Served): Resolved | OutriderError {
  if (route.body) return { route, pattern };
  return new OutriderError('route_invalid', { route: route.key, reason: route.reason });
}

function hintOf(table: RoutingTable): string {
  const patterns = [...table.exact.values(), ...table.prefixes.values()].map((served) => served.pattern);
  if (patterns.length === 0) return 'no route is for this pod';
  const more = patterns.length > MAX_NAMED ? ` and ${patterns.length - MAX_NAMED} more` : '';
  return `served are ${patterns.slice(0, MAX_NAMED).join(', ')}${more}`;
}
