/** The two heads of a WebSocket handshake: what goes to the provider and what comes back to the caller. */
import type { IncomingMessage } from 'node:http';
import type { Exchange } from '../exchange.ts';
import { headerValue } from '../http1/header-value.ts';
import type { ProviderType } from '../providers/provider-type.ts';
import type { Candidate } from '../routing/plan.ts';
import { outriderHeaders } from '../server/response-headers.ts';
import { copyHeaders } from './response-head.ts';
import { withQuery } from './upstream-request.ts';
import type { Upstream } from './upstreams.ts';

const RESPONSE_HEADERS: ReadonlySet<string> = new Set([
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-protocol',
]);

/** Why a request is no WebSocket handshake (RFC 6455 §4.2.1); undefined where it is one. */
export function handshakeFault(req: IncomingMessage): string | undefined {
  const { rawHeaders, method } = req;
  if (method !== 'GET') return `the method is ${method}, not GET`;
  if (headerValue(rawHeaders, 'upgrade')?.toLowerCase() !== 'websocket') return 'upgrade is not websocket';
  if (headerValue(rawHeaders, 'sec-websocket-version') !== '13') return 'sec-websocket-version is not 13';
  const key = headerValue(rawHeaders, 'sec-websocket-key') ?? '';
  return /^[A-Za-z0-9+/]{22}==$/.test(key) ? undefined : 'sec-websocket-key is not 16 bytes in base64';
}

/** Headers of the handshake that go upstream, besides the allowed ones. Credentials hide in sub-protocols too. */
export function handshakeHeaders(req: IncomingMessage, type: ProviderType): string[] {
  const { rawHeaders } = req;
  const headers = ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'];
  headers.push('Sec-WebSocket-Key', headerValue(rawHeaders, 'sec-websocket-key') ?? '');
  const extensions = headerValue(rawHeaders, 'sec-websocket-extensions');
  if (extensions !== undefined) headers.push('Sec-WebSocket-Extensions', extensions);
  const protocols = offeredProtocols(rawHeaders).filter(
    (name) => !type.credentialProtocols.some((prefix) => name.toLowerCase().startsWith(prefix)),
  );
  if (protocols.length > 0) headers.push('Sec-WebSocket-Protocol', protocols.join(', '));
  return headers;
}

function offeredProtocols(rawHeaders: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== 'sec-websocket-protocol') continue;
    for (const name of (rawHeaders[i + 1] as string).split(','))
      if (name.trim() !== '') found.push(name.trim());
  }
  return found;
}

/** Path and query upstream. A target with a model of its own is asked for that one. */
export function handshakePath(
  exchange: Exchange,
  candidate: Candidate,
  upstream: Upstream,
  path: string,
): string {
  const { query } = exchange;
  if (candidate.target.model === undefined) return withQuery(upstream.basePath + path, query);
  const model = `model=${encodeURIComponent(candidate.upstreamModel)}`;
  const rest = query
    .split('&')
    .filter((part) => part !== '' && part !== 'model' && !part.startsWith('model='));
  return withQuery(upstream.basePath + path, [model, ...rest].join('&'));
}

/** The answer to the caller, as bytes: node:http leaves upgraded connections to us. */
export function switchingHead(exchange: Exchange, answer: IncomingMessage): string {
  const headers = ['Connection', 'Upgrade', 'Upgrade', 'websocket'];
  copyHeaders(answer.rawHeaders, RESPONSE_HEADERS, headers);
  headers.push(...outriderHeaders(exchange));
  let head = 'HTTP/1.1 101 Switching Protocols\r\n';
  for (let i = 0; i + 1 < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${head}\r\n`;
}
