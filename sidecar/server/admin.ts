/**
 * The admin port. `/healthz`, `/readyz` and `/metrics` answer any peer, since probes and scrapers come to the pod's address.
 * `/snapshot`, `/explain` and `/requests/{id}` answer only this machine: they tell what runs and what was asked.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OutriderError } from '../../errors/table.ts';
import type { ContextDoor } from '../context/door.ts';
import { shownContext } from '../context/explain.ts';
import { loadTranslation } from '../dialects/pairing.ts';
import { endpointAt, resolvePath } from '../dialects/registry.ts';
import type { MemoryBudget } from '../limits/memory-budget.ts';
import { explain } from '../routing/explain.ts';
import { buildFacts } from '../routing/facts.ts';
import type { HealthView } from '../routing/plan.ts';
import { resolveRoute } from '../routing/resolve-route.ts';
import type { RoutingState } from '../routing/state.ts';
import { recallSignals, type SignalModels } from '../signals/stage.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { asOutriderError } from './answer.ts';
import { readBody } from './body.ts';
import { Gate, requireJson } from './gate.ts';
import { isLoopback } from './loopback.ts';
import type { Readiness } from './readiness.ts';
import { RequestHead } from './request-head.ts';
import { parseTarget } from './request-target.ts';
import type { ServedConfig } from './served-config.ts';

export interface AdminParts {
  readiness(): Readiness;
  /** JSON of what runs, without secrets. */
  snapshot(): object;
  config: ServedConfig;
  health: HealthView;
  state: RoutingState;
  /** What models say of prompts. */
  models: SignalModels;
  /** What is left of requests. */
  context: Pick<ContextDoor, 'load'>;
  telemetry: Pick<Telemetry, 'metrics' | 'metricsContentType' | 'request'>;
  memory: MemoryBudget;
  maxBodyBytes: number;
  random: () => number;
}

const DEFAULT_PATH = '/v1/chat/completions';
const PATHS = '/healthz, /readyz, /metrics, /snapshot, /explain, /requests/{id}';

export class Admin {
  private readonly parts: AdminParts;
  /** Probes come by pod address, so any Host will do for them; what is told to this machine only keeps its rules. */
  private readonly outer = new Gate({ anyHost: true });
  private readonly inner = new Gate();

  constructor(parts: AdminParts) {
    this.parts = parts;
  }

  handle(req: IncomingMessage, res: ServerResponse): void {
    this.serve(req, res).catch((thrown: unknown) => {
      const error = asOutriderError(thrown, 'of the admin port');
      if (res.headersSent) res.destroy();
      else json(res, error.status, { error: { code: error.code, message: error.message } });
      req.resume();
    });
  }

  private async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { parts } = this;
    const { path, query } = parseTarget(req.url ?? '');
    const head = new RequestHead(req.rawHeaders);
    this.outer.check(head);
    switch (path) {
      case '/healthz':
        requireMethod(req, path, 'GET');
        text(res, 200, 'ok\n', 'text/plain; charset=utf-8');
        return;
      case '/readyz': {
        requireMethod(req, path, 'GET');
        const { ready, state } = parts.readiness();
        json(res, ready ? 200 : 503, { ready, state });
        return;
      }
      case '/metrics': {
        requireMethod(req, path, 'GET');
        text(res, 200, await parts.telemetry.metrics(), parts.telemetry.metricsContentType);
        return;
      }
      default:
    }
    const local = isLoopback(req.socket.remoteAddress);
    if (local) this.inner.check(head);
    if (local && path === '/snapshot') {
      requireMethod(req, path, 'GET');
      json(res, 200, parts.snapshot());
    } else if (local && path === '/explain') {
      requireMethod(req, path, 'POST');
      await this.explain(req, res, head, query);
    } else if (local && path.startsWith('/requests/')) {
      requireMethod(req, path, 'GET');
      const summary = parts.telemetry.request(path.slice('/requests/'.length));
      if (!summary) throw notFound(req, path, 'the request is unknown, or too long ago');
      json(res, 200, summary);
    } else {
      throw notFound(req, path, `the admin port has ${PATHS}, the last three for this machine only`);
    }
  }

  /**
   * Body and headers are those of the request to be explained; `?path=` is where it would go. Models are asked for signals only with
   * `?ask=true`, at the cost that this has; else what they said of the same prompt lately counts.
   */
  private async explain(
    req: IncomingMessage,
    res: ServerResponse,
    head: RequestHead,
    query: string,
  ): Promise<void> {
    const { config, health, state, models, context, memory, maxBodyBytes, random } = this.parts;
    requireJson(head.contentType);
    const parameters = new URLSearchParams(query);
    const asked = parameters.get('path') ?? DEFAULT_PATH;
    const resolution = endpointAt(asked) ?? resolvePath(parseTarget(asked).path, req.rawHeaders);
    if (resolution.kind !== 'Endpoint') {
      throw notFound(req, asked, 'name an endpoint with ?path=, such as /v1/chat/completions');
    }
    const { dialect } = resolution.endpoint;
    const hold = memory.open();
    try {
      const body = await readBody(req, {
        limit: maxBodyBytes,
        hold,
        contentLength: head.contentLength,
        contentEncoding: head.contentEncoding,
      });
      const { path } = resolution;
      const envelope = dialect.readRequest(body);
      const request = { method: 'POST', path, rawHeaders: req.rawHeaders, dialect, envelope };
      const facts = buildFacts(request);
      const resolved = resolveRoute(config.table, facts.askedModel);
      if (!(resolved instanceof OutriderError)) {
        await recallSignals(resolved.route, facts, models, parameters.get('ask') === 'true');
      }
      await loadTranslation();
      const shape = shownContext(await context.load(), request);
      json(res, 200, explain(config.table, facts, health, performance.now(), random, body, state, shape));
    } finally {
      hold.release();
    }
  }
}

function requireMethod(req: IncomingMessage, path: string, allowed: 'GET' | 'POST'): void {
  const method = req.method ?? '';
  if (method === allowed || (allowed === 'GET' && method === 'HEAD')) return;
  throw new OutriderError('method_not_allowed', { method, path, allowed });
}

function notFound(req: IncomingMessage, path: string, hint: string): OutriderError {
  return new OutriderError('endpoint_not_found', { method: req.method ?? '', path, hint });
}

function json(res: ServerResponse, status: number, value: object): void {
  text(res, status, `${JSON.stringify(value)}\n`, 'application/json');
}

function text(res: ServerResponse, status: number, body: string, contentType: string): void {
  res.writeHead(status, [
    'content-type',
    contentType,
    'content-length',
    String(Buffer.byteLength(body)),
    'cache-control',
    'no-store',
  ]);
  res.end(body);
}
