/** Answers that are ours: errors in the caller's dialect, and small documents. */
import { OutriderError } from '../../errors/table.ts';
import { freeBytes } from '../limits/free-bytes.ts';
import type { HttpExchange } from './http-exchange.ts';
import { outriderHeaders } from './response-headers.ts';

/** An unread request body is read off the connection up to this much; beyond it the connection is closed. */
const DISCARD_LIMIT = 64 * 1024 * 1024;

/** Answers with `error` and sets the outcome. Nothing must have been written before. */
export function answerError(exchange: HttpExchange, error: OutriderError): void {
  const { status, headers, body } = exchange.dialect.renderError(error);
  const out = outriderHeaders(exchange);
  for (const [name, value] of headers) out.push(name, value);
  if (error.code === 'method_not_allowed') out.push('allow', String(error.params.allowed));
  send(exchange, status, out, body, error.code);
}

export function answerJson(exchange: HttpExchange, body: Buffer): void {
  const headers = outriderHeaders(exchange);
  headers.push('content-type', 'application/json');
  send(exchange, 200, headers, body, undefined);
}

/** Another status than 200, with headers (names and values in turn) besides our own. */
export function answerStatus(
  exchange: HttpExchange,
  status: number,
  extra: readonly string[],
  body: Buffer,
): void {
  const headers = outriderHeaders(exchange);
  headers.push('content-type', 'application/json', ...extra);
  send(exchange, status, headers, body, undefined);
}

/** Preflight of a listed web page. */
export function answerPreflight(exchange: HttpExchange): void {
  const headers = outriderHeaders(exchange);
  headers.push(
    'access-control-allow-methods',
    'GET, POST',
    'access-control-allow-headers',
    exchange.req.headers['access-control-request-headers'] ?? 'content-type',
    'access-control-max-age',
    '600',
  );
  send(exchange, 204, headers, Buffer.alloc(0), undefined);
}

/** Whatever was thrown as an error users can meet; anything unforeseen becomes `internal_error`. */
export function asOutriderError(thrown: unknown, requestId: string): OutriderError {
  return thrown instanceof OutriderError ? thrown : new OutriderError('internal_error', { id: requestId });
}

function send(
  exchange: HttpExchange,
  status: number,
  headers: string[],
  body: Buffer,
  errorCode: string | undefined,
): void {
  const { req, res } = exchange;
  headers.push('content-length', String(body.length));
  const rest = !req.complete;
  if (rest) discardRest(exchange);
  res.writeHead(status, headers);
  if (rest && !res.shouldKeepAlive) {
    // The end of the answer would be that of the connection, and a caller that still sends would meet a reset before it reads.
    res.write(body);
    req.once('end', () => res.end());
  } else {
    res.end(body);
  }
  exchange.outcome = {
    status,
    endedAt: performance.now(),
    errorCode,
    broken: false,
    cancelled: false,
    streamed: false,
    responseBytes: body.length,
  };
}

/**
 * The caller may still be sending. Closing on it would take the answer away with the connection, so what comes is thrown
 * away instead; the connection stays usable.
 */
function discardRest({ req }: HttpExchange): void {
  let discarded = 0;
  req.on('data', (chunk: Buffer) => {
    discarded += chunk.length;
    freeBytes(chunk);
    if (discarded > DISCARD_LIMIT) req.socket.destroy();
  });
  req.on('error', ignore);
  req.resume();
}

function ignore(): void {
  // The caller gave up sending; it may still read the answer.
}
