/**
 * A request from its first byte to its row in the ledger: envelope, route, match, plan, dispatch, settle, record. An
 * exchange ends exactly once, whatever happens on the way, and each of its attempts is settled exactly once.
 */
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { OutriderError } from '../errors/table.ts';
import { chargedTo } from './accounting/charged-to.ts';
import type { LearnedUsage } from './accounting/learned-usage.ts';
import type { LaterSeam } from './batch/seam.ts';
import type { LazyCache } from './cache/lazy.ts';
import type { ContextDoor } from './context/door.ts';
import type { Dialect } from './dialects/dialect.ts';
import { caller, endpointAt, type Resolution, resolvePath } from './dialects/registry.ts';
import { ambiguousMember } from './dialects/splice.ts';
import type { Dispatch, Exchange } from './exchange.ts';
import { FEEDBACK_BYTES, type FeedbackDesk } from './feedback/desk.ts';
import type { Admission } from './limits/admission/admission.ts';
import type { MemoryBudget } from './limits/memory-budget.ts';
import type { ParseBudget } from './limits/parse-budget.ts';
import type { RateLimits } from './limits/rates/rates.ts';
import { type RecordingParts, recordExchange, stackOf } from './recording.ts';
import { buildFacts } from './routing/facts.ts';
import { plan } from './routing/make-plan.ts';
import { matchRule } from './routing/match-rule.ts';
import type { HealthView, Plan, RequestFacts } from './routing/plan.ts';
import { refusal } from './routing/refusal.ts';
import { resolveRoute } from './routing/resolve-route.ts';
import type { RoutingState } from './routing/state.ts';
import type { TableRoute, TableRule } from './routing/table.ts';
import { answerError, answerJson, answerPreflight, asOutriderError } from './server/answer.ts';
import { readBody, reserve } from './server/body.ts';
import { CallerGone } from './server/body-options.ts';
import { hintFor } from './server/endpoint-hints.ts';
import { type Gate, requireJson } from './server/gate.ts';
import { HttpExchange } from './server/http-exchange.ts';
import { passthroughMatch } from './server/passthrough.ts';
import { RequestHead } from './server/request-head.ts';
import { parseTarget } from './server/request-target.ts';
import type { ServedConfig } from './server/served-config.ts';
import { gatherSignals, type SignalModels } from './signals/stage.ts';
import { shownPrompt } from './telemetry/shown-prompt.ts';

export interface PipelineParts extends RecordingParts {
  config: ServedConfig;
  gate: Gate;
  memory: MemoryBudget;
  parse: ParseBudget;
  /** Largest request body in bytes. */
  maxBodyBytes: number;
  health: HealthView;
  /** What ranking remembers. */
  state: RoutingState;
  dispatch: Dispatch;
  /** Runs the plan of an exchange that became a WebSocket; like `dispatch` otherwise. */
  sockets: { run(exchange: Exchange, socket: Duplex, head: Buffer): Promise<void> };
  learned: LearnedUsage;
  /** Limits of rates of rules. Unset: rules with limits let everything through. */
  rates?: RateLimits;
  /** Where requests wait for headroom, if their rules allow it. Unset: they do not wait. */
  admission?: Admission;
  /** That owns the pod, for routes that charge by it. Unset: not known. */
  workload?: string;
  /** Shortens conversations and caps answers, where rules say so. Unset: they are sent as they came. */
  context?: Pick<ContextDoor, 'shape'>;
  /** Asks models what rules need to know of a prompt. Unset: such signals are unknown. */
  models?: SignalModels | undefined;
  /** Answers of rules that keep them. Unset: none is kept. */
  cache?: Pick<LazyCache, 'serve'>;
  /** Takes what apps say of answers. Unset: the path is not served. */
  feedback?: Pick<FeedbackDesk, 'take'>;
  /** Takes what is answered later. Unset: nothing is. */
  later?: LaterSeam;
  /** Bytes of the user's words that the log may show; 0: none. */
  logContentBytes?: number;
  random: () => number;
}

const DRAIN_RETRY_MS = 1000;

export class Pipeline {
  private readonly parts: PipelineParts;
  private readonly idPrefix = `${randomBytes(6).toString('base64url')}.`;
  private count = 0;
  private open = 0;
  private draining = false;
  private onIdle: (() => void) | undefined = undefined;

  constructor(parts: PipelineParts) {
    this.parts = parts;
  }

  /** Requests whose exchange has not ended. */
  get openRequests(): number {
    return this.open;
  }

  /** From now on requests are refused; resolves when the last open one has ended. */
  drain(): Promise<void> {
    this.draining = true;
    if (this.open === 0) return Promise.resolve();
    return new Promise((resolve) => (this.onIdle = resolve));
  }

  handle(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
    const exchange = this.begin(req, res);
    const accept = expectsContinue ? () => res.writeContinue() : undefined;
    void this.run(exchange, () => this.serve(exchange, accept));
  }

  /** A request to open a WebSocket. Refusals are ordinary answers, after which the connection ends. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket as Socket);
    res.on('finish', () => socket.end());
    socket.on('error', () => socket.destroy());
    const exchange = this.begin(req, res);
    void this.run(exchange, () => this.serveSocket(exchange, socket, head));
  }

  /** A request that no connection brought, as if a caller had sent it. Resolves when it is over and recorded. */
  serveInner(exchange: HttpExchange, path: string, body: Buffer): Promise<void> {
    this.open++;
    exchange.path = path;
    return this.run(exchange, () => {
      reserve(exchange.hold, body.length);
      return this.routeEndpoint(exchange, path, exchange.dialect, body);
    });
  }

  private begin(req: IncomingMessage, res: ServerResponse): HttpExchange {
    const { memory, learned } = this.parts;
    this.open++;
    const id = this.idPrefix + (this.count++).toString(36);
    // Most paths tell the dialect; for the others the headers are searched.
    const known = endpointAt(req.url ?? '');
    const dialect = known?.kind === 'Endpoint' ? known.endpoint.dialect : caller(req.rawHeaders).raw;
    return new HttpExchange(id, req, res, dialect, memory.open(), learned);
  }

  /**
   * The end of every exchange. What follows here is not written with `await`: each that is passed on the way suspends a function and
   * resumes it later, and most requests wait for two things only, their body and their answer.
   */
  private run(exchange: HttpExchange, serve: () => Promise<void>): Promise<void> {
    const failed = (thrown: unknown): void => {
      this.fail(exchange, thrown);
      this.complete(exchange);
    };
    try {
      return serve().then(() => this.complete(exchange), failed);
    } catch (thrown) {
      failed(thrown);
      return DONE;
    }
  }

  private serve(exchange: HttpExchange, accept: (() => void) | undefined): Promise<void> {
    const head = new RequestHead(exchange.req.rawHeaders);
    const resolution = this.enter(exchange, head);
    if (resolution === undefined) return DONE;
    switch (resolution.kind) {
      case 'Endpoint':
        return this.serveEndpoint(exchange, head, resolution, accept);
      case 'Models':
        this.serveModels(exchange, resolution);
        return DONE;
      case 'Feedback':
        return this.serveFeedback(exchange, head, accept);
      case 'Raw':
        return this.parts.later?.serve(exchange, head, accept) ?? this.serveRaw(exchange, head, accept);
      case 'Unknown':
        return refusePath(exchange);
    }
  }

  private async serveSocket(exchange: HttpExchange, socket: Duplex, first: Buffer): Promise<void> {
    const { config, sockets, maxBodyBytes } = this.parts;
    const head = new RequestHead(exchange.req.rawHeaders);
    const resolution = this.enter(exchange, head);
    if (resolution === undefined) return;
    if (resolution.kind !== 'Raw') refusePath(exchange);
    const options = { limit: maxBodyBytes, upgrade: true };
    const match = await passthroughMatch(exchange, head, config.table, options);
    noteRoute(exchange, match.route, match.pattern, this.parts.workload);
    exchange.steps.push(...match.steps);
    await this.planAndRun(exchange, match.route, match.rule, () => sockets.run(exchange, socket, first));
  }

  /** What the path stands for, once it is known that the caller may ask; undefined when the answer is already out. */
  private enter(exchange: HttpExchange, head: RequestHead): Resolution | undefined {
    const { gate } = this.parts;
    const resolution = this.resolve(exchange, exchange.req);
    exchange.allowedOrigin = gate.check(head);
    if (exchange.allowedOrigin !== undefined && exchange.method === 'OPTIONS') {
      answerPreflight(exchange);
      return undefined;
    }
    gate.checkToken(head);
    if (this.draining) {
      exchange.res.shouldKeepAlive = false;
      throw new OutriderError('draining', {}, DRAIN_RETRY_MS);
    }
    return resolution;
  }

  private resolve(exchange: HttpExchange, req: IncomingMessage): Resolution {
    const target = req.url ?? '';
    let resolution = endpointAt(target);
    if (resolution === undefined) {
      const { path, query } = parseTarget(target);
      exchange.query = query;
      resolution = resolvePath(path, req.rawHeaders);
    }
    exchange.path = resolution.path;
    exchange.dialect = resolution.kind === 'Endpoint' ? resolution.endpoint.dialect : resolution.family.raw;
    return resolution;
  }

  private serveEndpoint(
    exchange: HttpExchange,
    head: RequestHead,
    { path, endpoint: { dialect } }: Resolution & { kind: 'Endpoint' },
    accept: (() => void) | undefined,
  ): Promise<void> {
    const { maxBodyBytes } = this.parts;
    if (exchange.method !== 'POST') refuseMethod(exchange, 'POST');
    requireJson(head.contentType);
    const reading = readBody(exchange.req, {
      limit: maxBodyBytes,
      hold: exchange.hold,
      contentLength: head.contentLength,
      contentEncoding: head.contentEncoding,
      accept,
    });
    // The body is held by nothing here: a stream is long.
    return reading.then(
      (body) =>
        this.parts.later?.defer(exchange, path, body) ?? this.routeEndpoint(exchange, path, dialect, body),
    );
  }

  private routeEndpoint(exchange: HttpExchange, path: string, dialect: Dialect, body: Buffer): Promise<void> {
    const envelope = dialect.readRequest(body);
    exchange.envelope = envelope;
    const { config } = this.parts;
    const facts = buildFacts({
      method: exchange.method,
      path,
      rawHeaders: exchange.req.rawHeaders,
      dialect,
      parse: this.parts.parse,
      envelope,
    });
    exchange.facts = facts;
    const { logContentBytes = 0 } = this.parts;
    if (logContentBytes > 0) exchange.shownPrompt = shownPrompt(facts.userText(), logContentBytes);

    const resolved = resolveRoute(config.table, facts.askedModel);
    if (resolved instanceof OutriderError) throw resolved;
    const { route } = resolved;
    noteRoute(exchange, route, resolved.pattern, this.parts.workload);
    const gathering = gatherSignals(exchange, route, facts, this.parts.models);
    return gathering
      ? gathering.then(() => this.dispatchMatched(exchange, route, facts))
      : this.dispatchMatched(exchange, route, facts);
  }

  private dispatchMatched(exchange: HttpExchange, route: TableRoute, facts: RequestFacts): Promise<void> {
    const matched = matchRule(route, facts);
    exchange.steps.push(...matched.steps);
    if (matched.error) throw matched.error;
    const rule = exchange.adapt ? exchange.adapt(matched.rule, route.key) : matched.rule;
    const { cache } = this.parts;
    return cache && rule.body.cache
      ? cache.serve({ exchange, facts, route, rule, send: async () => this.shape(exchange, route, rule) })
      : this.shape(exchange, route, rule);
  }

  private shape(exchange: HttpExchange, route: TableRoute, rule: TableRule): Promise<void> {
    const shaping = this.parts.context?.shape(exchange, route, rule);
    return shaping
      ? shaping.then(() => this.dispatchShaped(exchange, route, rule))
      : this.dispatchShaped(exchange, route, rule);
  }

  private dispatchShaped(exchange: HttpExchange, route: TableRoute, rule: TableRule): Promise<void> {
    const { dispatch } = this.parts;
    try {
      this.admit(exchange, route, rule);
    } catch (error) {
      const waiting = this.wait(exchange, route, rule, error, () => dispatch.run(exchange));
      if (waiting) return waiting;
      if (!answeredByEstimate(exchange)) throw error;
      return Promise.resolve();
    }
    return dispatch.run(exchange);
  }

  private async serveRaw(
    exchange: HttpExchange,
    head: RequestHead,
    accept: (() => void) | undefined,
  ): Promise<void> {
    const { config, maxBodyBytes } = this.parts;
    const match = await passthroughMatch(exchange, head, config.table, { limit: maxBodyBytes, accept });
    noteRoute(exchange, match.route, match.pattern, this.parts.workload);
    exchange.steps.push(...match.steps);
    const { dispatch } = this.parts;
    await this.planAndRun(exchange, match.route, match.rule, () => dispatch.run(exchange));
  }

  private planAndRun(
    exchange: HttpExchange,
    route: TableRoute,
    rule: TableRule,
    send: () => Promise<void>,
  ): Promise<void> {
    try {
      this.admit(exchange, route, rule);
    } catch (error) {
      const waiting = this.wait(exchange, route, rule, error, send);
      if (waiting) return waiting;
      throw error;
    }
    return send();
  }

  /** What follows when a limit of the rule has no room, or no target has, and requests may wait for it; else undefined. */
  private wait(
    exchange: HttpExchange,
    route: TableRoute,
    rule: TableRule,
    error: unknown,
    send: () => Promise<void>,
  ): Promise<void> | undefined {
    return this.parts.admission?.wait(
      {
        exchange,
        rule: rule.body,
        bytes: exchange.hold.size,
        plan: () => this.admit(exchange, route, rule),
        send,
      },
      error,
    );
  }

  /** Room in every limit of the rule, then a plan: both, or neither is kept. */
  private admit(exchange: HttpExchange, route: TableRoute, rule: TableRule): void {
    if (rule.body.rateLimits === undefined) {
      this.plan(exchange, route, rule);
      return;
    }
    const { rates } = this.parts;
    rates?.admit(exchange, rule.body);
    try {
      this.plan(exchange, route, rule);
    } catch (error) {
      rates?.release(exchange);
      throw error;
    }
  }

  /** Filter and rank; the first attempt follows in the same synchronous turn. */
  private plan(exchange: HttpExchange, route: TableRoute, rule: TableRule): void {
    const { health, random, state } = this.parts;
    const { facts, envelope } = exchange;
    if (!facts) throw new Error('a request without facts cannot be planned');
    const planned = plan(rule, facts, health, performance.now(), random, state);
    exchange.plan = planned;
    if (planned.steps) exchange.steps.push(...planned.steps);
    const refused = refusal(route, planned, facts);
    if (refused) throw refused;
    if (envelope && envelope.duplicates.length > 0) refuseAmbiguous(envelope, planned);
  }

  private async serveFeedback(
    exchange: HttpExchange,
    head: RequestHead,
    accept: (() => void) | undefined,
  ): Promise<void> {
    const { feedback } = this.parts;
    if (!feedback) refusePath(exchange);
    if (exchange.method !== 'POST') refuseMethod(exchange, 'POST');
    requireJson(head.contentType);
    const body = await readBody(exchange.req, {
      limit: FEEDBACK_BYTES,
      hold: exchange.hold,
      contentLength: head.contentLength,
      contentEncoding: head.contentEncoding,
      accept,
    });
    answerJson(exchange, feedback.take(body));
  }

  private serveModels(exchange: HttpExchange, { family, model }: Resolution & { kind: 'Models' }): void {
    const { config } = this.parts;
    if (exchange.method !== 'GET') refuseMethod(exchange, 'GET');
    const { models } = config;
    if (models === undefined) throw new OutriderError('config_unavailable', {}, DRAIN_RETRY_MS);
    if (model === undefined) {
      answerJson(exchange, family.renderModels(models));
      return;
    }
    const listed = models.find(({ id }) => id === model);
    if (!listed) {
      throw new OutriderError('no_route', { model, hint: `GET ${family.modelsPath} lists what there is` });
    }
    answerJson(exchange, family.renderModel(listed));
  }

  private fail(exchange: HttpExchange, thrown: unknown): void {
    const { res } = exchange;
    const error = asOutriderError(thrown, exchange.id);
    if (error.code === 'internal_error' && !(thrown instanceof CallerGone)) {
      this.parts.warn(`request ${exchange.id} met an unexpected failure: ${stackOf(thrown)}`);
    }
    for (const attempt of exchange.attempts) exchange.settle(attempt);
    if (!(thrown instanceof CallerGone) && !res.headersSent && !res.destroyed && !res.closed) {
      answerError(exchange, error);
      return;
    }
    const left = !res.headersSent;
    if (!left) res.destroy();
    exchange.outcome ??= {
      status: left ? 499 : res.statusCode,
      endedAt: performance.now(),
      errorCode: left ? undefined : error.code,
      broken: !left,
      cancelled: left,
      streamed: false,
      responseBytes: 0,
    };
  }

  private complete(exchange: HttpExchange): void {
    recordExchange(exchange, this.parts);
    this.open--;
    if (this.open === 0) this.onIdle?.();
  }
}

const DONE = Promise.resolve();

/** No target can be asked because none speaks the dialect, and the dialect can do without. */
function answeredByEstimate(exchange: HttpExchange): boolean {
  const { dialect, facts, plan: planned } = exchange;
  const unspoken = planned?.considered.some(({ reason }) => reason === 'DialectUnsupported') ?? false;
  if (!unspoken || !facts || !dialect.answerByEstimate) return false;
  exchange.warnings.push('estimated: no target of the rule counts tokens for this dialect');
  answerJson(exchange, dialect.answerByEstimate(facts.inputTokens));
  return true;
}

function noteRoute(exchange: HttpExchange, route: TableRoute, pattern: string, workload = ''): void {
  exchange.route = route.key;
  exchange.modelPattern = pattern;
  const { facts } = exchange;
  if (route.body?.chargeback && facts) {
    exchange.chargedTo = chargedTo(route.body.chargeback, workload, (name) => facts.header(name));
  }
  exchange.steps = [{ stage: 'route', what: `route ${route.key}`, detail: `"${pattern}" takes the model` }];
}

function refusePath({ method, path }: HttpExchange): never {
  throw new OutriderError('endpoint_not_found', { method, path, hint: hintFor(path) });
}

function refuseMethod({ method, path }: HttpExchange, allowed: string): never {
  throw new OutriderError('method_not_allowed', { method, path, allowed });
}

/** A member that occurs twice cannot be changed: nobody could say which of them the provider reads. */
function refuseAmbiguous(envelope: NonNullable<HttpExchange['envelope']>, planned: Plan): void {
  for (const { target } of planned.candidates) {
    const member = ambiguousMember(envelope, target.patch);
    if (member !== undefined) throw new OutriderError('duplicate_member', { member });
  }
}
