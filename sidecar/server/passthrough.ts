/** Route and rule of a path that is passed through; a look into the body only where a rule could let it through at all. */
import { OutriderError } from '../../errors/table.ts';
import { buildFacts } from '../routing/facts.ts';
import { type PassthroughMatch, permits, resolvePassthrough } from '../routing/passthrough.ts';
import type { RoutingTable } from '../routing/table.ts';
import { isManagementPath, segmentsOf } from '../snapshot/paths.ts';
import { hintFor } from './endpoint-hints.ts';
import type { HttpExchange } from './http-exchange.ts';
import { lookIntoBody } from './raw-body.ts';
import type { RequestHead } from './request-head.ts';

export interface PassthroughOptions {
  /** Largest JSON body; other bodies stream through. */
  limit: number;
  accept?: (() => void) | undefined;
  upgrade?: boolean;
}

/** Fills `facts` and `head` of the exchange. Throws OutriderError or CallerGone. */
export async function passthroughMatch(
  exchange: HttpExchange,
  head: RequestHead,
  table: RoutingTable | undefined,
  options: PassthroughOptions,
): Promise<PassthroughMatch> {
  const { req, method, path, query, hold } = exchange;
  if (table) refuseUnlisted(table, method, path);
  const { limit, accept } = options;
  const body = options.upgrade ? undefined : await lookIntoBody(req, head, { limit, hold, accept });
  exchange.head = body?.head;
  const facts = buildFacts({
    method,
    path,
    rawHeaders: req.rawHeaders,
    dialect: exchange.dialect,
    envelope: undefined,
    model: body?.model ?? modelOf(path, query),
    upgrade: options.upgrade ?? false,
  });
  exchange.facts = facts;
  const match = resolvePassthrough(table, facts);
  if (match instanceof OutriderError) throw match;
  return match;
}

function refuseUnlisted(table: RoutingTable, method: string, path: string): void {
  const segments = segmentsOf(path);
  if (segments && isManagementPath(segments)) return;
  const allowed =
    segments !== undefined &&
    table.routes.some((route) => route.rules.some((rule) => permits(rule, method, segments)));
  if (!allowed) throw new OutriderError('endpoint_not_found', { method, path, hint: hintFor(path) });
}

/** `?model=`, or the name behind `engines` or `deployments` in the path. */
function modelOf(path: string, query: string): string | undefined {
  const named = query === '' ? undefined : new URLSearchParams(query).get('model');
  if (named) return named;
  const segments = segmentsOf(path) ?? [];
  const at = segments.findIndex((segment) => segment === 'engines' || segment === 'deployments');
  return at < 0 ? undefined : segments[at + 1];
}
