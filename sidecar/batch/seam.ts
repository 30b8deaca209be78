/** What the rest of the sidecar knows of requests that are answered later. */
import type { HttpExchange } from '../server/http-exchange.ts';
import type { RequestHead } from '../server/request-head.ts';

export interface LaterSeam {
  /** Undefined: the path is none of its own, or configuration has nothing of the kind. */
  serve(
    exchange: HttpExchange,
    head: RequestHead,
    accept: (() => void) | undefined,
  ): Promise<void> | undefined;
  /** Undefined: the request wants its answer now, or configuration has nothing of the kind. */
  defer(exchange: HttpExchange, path: string, body: Buffer): Promise<void> | undefined;
}
