/** Whether a request wants its answer later, and may. Loaded with everything else: nothing else of deferred requests is. */
import { OutriderError } from '../../errors/table.ts';
import { resolveRoute } from '../routing/resolve-route.ts';
import type { RoutingTable } from '../routing/table.ts';
import type { HttpExchange } from '../server/http-exchange.ts';
import type { AsyncBody } from '../snapshot/shapes/batch.ts';

export interface AsyncTerms {
  expiresAfterMs: number;
  /** Of every rule that lets somebody be told. */
  webhooks: NonNullable<AsyncBody['webhook']>[];
}

/** Undefined: the request is answered now. Throws what is wrong with it. */
export function asyncTerms(
  exchange: HttpExchange,
  body: Buffer,
  table: RoutingTable | undefined,
): AsyncTerms | undefined {
  if (!prefersAsync(exchange.req.rawHeaders)) return undefined;
  const { dialect } = exchange;
  if (dialect.operation === 'count_tokens') return undefined;
  const envelope = dialect.readRequest(body);
  const resolved = resolveRoute(table, envelope.model);
  if (resolved instanceof OutriderError) throw resolved;
  const rules = resolved.route.rules.flatMap(({ body: { async: deferred } }) => deferred ?? []);
  if (rules.length === 0) return undefined;
  if (envelope.stream) {
    throw new OutriderError('invalid_member', {
      member: 'stream',
      value: 'true',
      expected: 'false, since the answer is asked for later',
    });
  }
  return {
    expiresAfterMs: Math.min(...rules.map(({ expiresAfterMs }) => expiresAfterMs)),
    webhooks: rules.flatMap(({ webhook }) => webhook ?? []),
  };
}

/** `prefer: respond-async`, or `x-outrider-async: true` where a client cannot say that. */
function prefersAsync(rawHeaders: readonly string[]): boolean {
  const prefer = headerOf(rawHeaders, 'prefer');
  if (prefer !== undefined && /(^|[,;])\s*respond-async\s*($|[,;])/i.test(prefer)) return true;
  return headerOf(rawHeaders, 'x-outrider-async')?.toLowerCase() === 'true';
}

export function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) return rawHeaders[i + 1];
  }
  return undefined;
}
