/** What is probably meant by a path that is no endpoint: most misses are base URLs that are off by one segment. */
import { ENDPOINT_PATHS } from '../dialects/registry.ts';

/** Clients of this API add the version to the base URL themselves. */
const WITHOUT_VERSION = '/v1/messages';

/** A clause for `endpoint_not_found`. */
export function hintFor(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  const exact = ENDPOINT_PATHS.find(
    (endpoint) =>
      trimmed === endpoint ||
      trimmed.toLowerCase() === endpoint ||
      // A base URL without the version, or with it twice, or behind a vendor's own prefix.
      endpoint.endsWith(trimmed) ||
      trimmed.endsWith(endpoint),
  );
  if (exact !== undefined && trimmed !== '')
    return `${exact} is meant? Set the client's base URL to end ${exact.startsWith(WITHOUT_VERSION) ? 'before' : 'in'} /v1`;
  const near = nearest(trimmed);
  if (near !== undefined) return `did you mean ${near}?`;
  if (/^\/v1(?:beta)?\//.test(path)) {
    return 'a rule lets other provider paths through only where its passthrough names them';
  }
  return `endpoints are ${ENDPOINT_PATHS.join(', ')}`;
}

function nearest(path: string): string | undefined {
  let best: string | undefined;
  let bestDistance = 4;
  for (const endpoint of ENDPOINT_PATHS) {
    if (Math.abs(endpoint.length - path.length) >= bestDistance) continue;
    const distance = editDistance(path, endpoint);
    if (distance < bestDistance) {
      best = endpoint;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
