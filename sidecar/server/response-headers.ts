/** What the sidecar says about a request in its answer. Values are plain ASCII: names come from users and vendors. */
import { formatUsd } from '../accounting/usd.ts';
import type { Exchange } from '../exchange.ts';

/** Longest value sent; anything beyond is cut. */
const MAX_VALUE = 512;

/**
 * Names and values in turn, as `writeHead` takes them. Before commit of a stream the cost is unknown, so it is left out;
 * it can be looked up by request id in the access log and on the admin port.
 */
export function outriderHeaders(exchange: Exchange): string[] {
  const headers = ['x-outrider-request-id', exchange.id];
  if (exchange.route !== undefined) headers.push('x-outrider-route', headerSafe(exchange.route));
  if (exchange.plan) headers.push('x-outrider-rule', headerSafe(exchange.plan.rule.name));
  const last = exchange.attempts.at(-1);
  if (last) {
    headers.push('x-outrider-target', headerSafe(last.candidate.target.name));
    headers.push('x-outrider-provider', headerSafe(last.candidate.providerId.replace(/^provider\//, '')));
    headers.push('x-outrider-model', headerSafe(last.candidate.upstreamModel));
    headers.push('x-outrider-attempts', String(exchange.attempts.length));
    const cost = totalCost(exchange);
    if (cost !== undefined) headers.push('x-outrider-cost-usd', formatUsd(cost));
  }
  if (exchange.warnings.length > 0) {
    headers.push('x-outrider-warnings', headerSafe(exchange.warnings.join('; ')));
  }
  return headers;
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
