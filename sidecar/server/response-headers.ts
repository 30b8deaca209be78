/** What the sidecar says about a request in its answer. Values are plain ASCII: names come from users and vendors. */
import { totalCost } from '../accounting/total-cost.ts';
import { formatUsd } from '../accounting/usd.ts';
import { type CacheUse, RESULT_WORDS } from '../cache/use.ts';
import { answering, type Exchange } from '../exchange.ts';
import { REST } from '../snapshot/experiments/arm-names.ts';

/** Longest value sent; anything beyond is cut. */
const MAX_VALUE = 512;

/**
 * Names and values in turn, as `writeHead` takes them. The cost of a stream is unknown when its head is written, so it is
 * left out there; the access log and the admin port tell it by request id.
 */
export function outriderHeaders(exchange: Exchange): string[] {
  const headers = ['x-outrider-request-id', exchange.id];
  if (exchange.route !== undefined) headers.push('x-outrider-route', exchange.route);
  const rule = exchange.plan?.rule ?? exchange.rates?.rule;
  if (rule) headers.push('x-outrider-rule', rule.name);
  const arm = exchange.plan?.arm?.arm.name;
  if (arm !== undefined && arm !== REST) headers.push('x-outrider-arm', arm);
  if (exchange.cache) cacheHeaders(exchange.cache, headers);
  const last = answering(exchange.attempts);
  if (last) {
    const { target, providerId, upstreamModel } = last.candidate;
    headers.push('x-outrider-target', target.name);
    headers.push('x-outrider-provider', providerId.slice(providerId.indexOf('/') + 1));
    headers.push('x-outrider-model', headerSafe(upstreamModel));
    headers.push('x-outrider-attempts', String(exchange.attempts.length));
    const cost = totalCost(exchange.attempts);
    if (cost !== undefined) headers.push('x-outrider-cost-usd', formatUsd(cost));
  }
  exchange.rates?.tell(exchange.dialect.name, headers);
  if (exchange.warnings.length > 0)
    headers.push('x-outrider-warnings', headerSafe(exchange.warnings.join('; ')));
  if (exchange.allowedOrigin !== undefined) {
    headers.push('access-control-allow-origin', exchange.allowedOrigin, 'vary', 'origin');
  }
  return headers;
}

/** Who answers from the cache is told as who gave the answer; nobody is asked, so it costs nothing. */
function cacheHeaders({ result, served }: CacheUse, headers: string[]): void {
  headers.push('x-outrider-cache', RESULT_WORDS[result]);
  if (!served) return;
  const { target, providerId, upstreamModel } = served.candidate;
  headers.push('x-outrider-target', target.name);
  headers.push('x-outrider-provider', providerId.slice(providerId.indexOf('/') + 1));
  headers.push('x-outrider-model', headerSafe(upstreamModel));
  headers.push('x-outrider-attempts', '0', 'x-outrider-cost-usd', '0');
}

/** Printable ASCII only, cut to a length every client takes: no value can start a header of its own. */
export function headerSafe(value: string): string {
  // Mostly the same model as before.
  if (value === lastSafe) return value;
  const safe = /^[\x20-\x7e]*$/.test(value) ? value : value.replace(/[^\x20-\x7e]/g, '?');
  if (safe.length > MAX_VALUE) return safe.slice(0, MAX_VALUE);
  lastSafe = safe;
  return safe;
}

let lastSafe = '';
