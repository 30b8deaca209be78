/** Sends lines and deferred requests through the pipeline: routing, limits, budgets, rows and logs are those of any request. */
import type { LearnedUsage } from '../accounting/learned-usage.ts';
import { endpointAt } from '../dialects/registry.ts';
import { CapturedResponse, innerRequest } from '../internal/captured-response.ts';
import type { MemoryBudget } from '../limits/memory-budget.ts';
import { HttpExchange } from '../server/http-exchange.ts';
import type { Request, Send, Sent } from './send.ts';

export interface SenderParts {
  memory: MemoryBudget;
  learned: LearnedUsage;
  /** As `Pipeline.serveInner`. */
  serve: (exchange: HttpExchange, path: string, body: Buffer) => Promise<void>;
}

export function senderOf({ memory, learned, serve }: SenderParts): Send {
  return async (request) => {
    const resolved = endpointAt(request.path);
    if (resolved?.kind !== 'Endpoint') throw new Error(`${request.path} is no endpoint`);
    const req = innerRequest(request.path, request.rawHeaders);
    const res = new KeptResponse(req, request.maxAnswer);
    const { dialect } = resolved.endpoint;
    const exchange = new HttpExchange(request.id, req, res, dialect, memory.open(), learned);
    exchange.internal = { purpose: request.purpose, parent: request.parent };
    exchange.adapt = (rule, route) => {
      const adapted = request.adapt(rule, route);
      const priority = adapted.body.admission?.class ?? 'Normal';
      const detail = `on behalf of ${request.parent ?? 'nobody'}, class ${priority}`;
      exchange.steps.push({ stage: 'admit', what: request.purpose, detail });
      return adapted;
    };
    // It is sent again where it has to be.
    exchange.bodyShared = true;
    const stop = (): void => void res.destroy();
    request.signal.addEventListener('abort', stop, { once: true });
    try {
      if (request.signal.aborted) return STOPPED;
      await serve(exchange, request.path, request.body);
      return sentOf(exchange, res, request);
    } finally {
      request.signal.removeEventListener('abort', stop);
    }
  };
}

const STOPPED: Sent = {
  status: 499,
  body: Buffer.alloc(0),
  rawHeaders: [],
  errorCode: undefined,
  cancelled: true,
  overflown: false,
};

function sentOf({ outcome }: HttpExchange, res: KeptResponse, { signal }: Request): Sent {
  const { overflown } = res;
  return {
    status: outcome?.status ?? 500,
    body: overflown ? STOPPED.body : res.body(),
    rawHeaders: res.rawHeaders,
    errorCode: outcome?.errorCode,
    cancelled: signal.aborted || (!overflown && (outcome?.cancelled === true || outcome?.broken === true)),
    overflown,
  };
}

/** Keeps its head too. */
class KeptResponse extends CapturedResponse {
  rawHeaders: string[] = [];

  override writeHead(status: number, ...rest: unknown[]): this {
    const headers = rest.find((one) => Array.isArray(one)) as string[] | undefined;
    this.rawHeaders = [...(headers ?? [])];
    return super.writeHead(status, ...(rest as []));
  }
}
