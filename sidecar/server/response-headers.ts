/** What the sidecar says about a request in its answer. Values are plain ASCII: names come from users and vendors. */
import { formatUsd } from '../accounting/usd.ts';
import type { Attempt, Exchange } from '../exchange.ts';

/** Longest value sent; anything beyond is cut. */
const MAX_VALUE = 512;

/**
 * Appends names and values in turn, as `writeHead` takes them. `attempt` is the one whose answer is handed out; undefined
 * when the answer is ours. The cost of a stream is unknown when its head is written, so it is left out there; the access log
 * and the admin port tell it by request id.
 */
export function outriderHeaders(exchange: Exchange, attempt: Attempt | undefined, out: string[]): void {
  out.push('x-outrider-request-id', exchange.id);
  if (exchange.route !== undefined) out.push('x-outrider-route', headerSafe(exchange.route));
  if (exchange.plan) out.push('x-outrider-rule', exchange.plan.rule.name);
  if (attempt) {
    const { candidate } = attempt;
    out.push('x-outrider-target', candidate.target.name);
    out.push('x-outrider-provider', candidate.providerId.slice(candidate.providerId.indexOf('/') + 1));
    out.push('x-outrider-model', headerSafe(candidate.upstreamModel));
  }
  if (exchange.attempts.length > 0) {
    out.push('x-outrider-attempts', String(exchange.attempts.length));
    const cost = totalCost(exchange);
    if (cost !== undefined) out.push('x-outrider-cost-usd', formatUsd(cost));
  }
  if (exchange.warnings.length > 0) out.push('x-outrider-warnings', headerSafe(exchange.warnings.join('; ')));
}

/** Cost of all attempts; undefined while one is not settled, or where a price is unknown. */
export function totalCost(exchange: Exchange): bigint | undefined {
  let total = 0n;
  for (const { settlement } of exchange.attempts) {
    if (settlement?.costNanoUsd === undefined) return undefined;
    total += settlement.costNanoUsd;
  }
  return total;
}

/** Printable ASCII only, cut to a length every client takes: no value can start a header of its own. */
export function headerSafe(value: string): string {
  const safe = /^[\x20-\x7e]*$/.test(value) ? value : value.replace(/[^\x20-\x7e]/g, '?');
  return safe.length > MAX_VALUE ? safe.slice(0, MAX_VALUE) : safe;
}
