/** Which rules the lines of a batch may go by, and what those ask of it together. */
import { OutriderError } from '../../errors/table.ts';
import { resolveRoute } from '../routing/resolve-route.ts';
import type { RoutingTable, TableRoute, TableRule } from '../routing/table.ts';
import type { BatchBody } from '../snapshot/shapes/batch.ts';

/** Of the rules named, the strictest. */
export interface BatchTerms extends Pick<BatchBody, 'maxConcurrent' | 'maxRequests' | 'maxBytes'> {
  expiresAfterMs: number;
}

/** Rules that take lines, in order. */
const batchRules = (route: TableRoute): readonly TableRule[] =>
  route.rules.filter(({ body }) => body.batch !== undefined);

/** The route that answers a model, where lines may go by one of its rules. Throws what is wrong. */
export function batchRoute(table: RoutingTable | undefined, model: string | undefined): TableRoute {
  const resolved = resolveRoute(table, model);
  if (resolved instanceof OutriderError) throw resolved;
  const { route } = resolved;
  if (batchRules(route).length === 0) {
    const rule = route.rules.map(({ body }) => body.name).join(', ');
    throw new OutriderError('batch_not_allowed', { rule, route: route.key });
  }
  return route;
}

/** Undefined: no rule takes lines. */
export function termsOf(routes: Iterable<TableRoute>): BatchTerms | undefined {
  let terms: BatchTerms | undefined;
  for (const route of routes) {
    for (const { body } of batchRules(route)) {
      const { batch } = body;
      if (batch) terms = terms ? stricter(terms, batch) : pick(batch);
    }
  }
  return terms;
}

/** Largest input that any rule takes; 0: none takes any. */
export function largestInput(table: RoutingTable | undefined): number {
  let most = 0;
  for (const route of table?.routes ?? []) {
    for (const { body } of route.rules) most = Math.max(most, body.batch?.maxBytes ?? 0);
  }
  return most;
}

const pick = ({ maxConcurrent, maxRequests, maxBytes, expiresAfterMs }: BatchBody): BatchTerms => ({
  maxConcurrent,
  maxRequests,
  maxBytes,
  expiresAfterMs,
});

const stricter = (a: BatchTerms, b: BatchBody): BatchTerms => ({
  maxConcurrent: Math.min(a.maxConcurrent, b.maxConcurrent),
  maxRequests: Math.min(a.maxRequests, b.maxRequests),
  maxBytes: Math.min(a.maxBytes, b.maxBytes),
  expiresAfterMs: Math.min(a.expiresAfterMs, b.expiresAfterMs),
});
