/** A call of the sidecar's own to a provider of the configuration, beside all requests: bounded in time, on a connection of its own. */
import http, { type ClientRequest } from 'node:http';
import https from 'node:https';
import { trustingAlso } from '../http1/trust.ts';
import { addressOf } from './address.ts';

export interface OwnCall {
  method: 'GET' | 'POST';
  url: URL;
  /** Names and values in turn, besides those of every call. */
  headers: readonly string[];
  /** PEM, besides the system roots. */
  caBundle: string | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}

/** The request, not ended yet. Throws where it cannot be made of what is given. */
export function openOwnCall({ method, url, headers, caBundle, timeoutMs, signal }: OwnCall): ClientRequest {
  const { tls, host, port } = addressOf(url);
  const own = ['Host', url.host, 'Accept', '*/*', 'Accept-Encoding', 'identity', 'Connection', 'close'];
  return (tls ? https : http).request({
    host,
    port,
    path: url.pathname + url.search,
    method,
    headers: [...own, ...headers],
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    ...(tls &&
      caBundle !== undefined && {
        secureContext: trustingAlso(caBundle),
      }),
  });
}
