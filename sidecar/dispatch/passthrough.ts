/**
 * A request on a path that is not modelled: one target, fixed by configuration, and bodies streamed both ways unread.
 * Only what would give an account away is changed: credentials are replaced, credential parameters removed.
 */
import { OutriderError } from '../../errors/table.ts';
import { placeOfUnread } from '../dialects/pairing.ts';
import { headerValue } from '../http1/header-value.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { classify, type Verdict } from '../providers/failures.ts';
import { requirePermitted } from '../routing/constraints/data-policy.ts';
import type { Candidate } from '../routing/plan.ts';
import { asOutriderError } from '../server/answer.ts';
import { isManagementPath, segmentsOf } from '../snapshot/paths.ts';
import { roomFor } from './attempt-gate.ts';
import { authorize } from './auth/authorize.ts';
import { BodyPump } from './body-pump.ts';
import type { CallOwner } from './call-owner.ts';
import { callerKeyOf } from './caller-key.ts';
import type { Failure } from './failure.ts';
import { newAttempt } from './new-attempt.ts';
import { noteFailure } from './notes.ts';
import { ErrorReceiver } from './receive-error.ts';
import { RawReceiver } from './receive-raw.ts';
import type { Receiver } from './receiver.ts';
import { Relay } from './relay.ts';
import { moneyFor } from './spend-gate.ts';
import { UpstreamCall } from './upstream-call.ts';
import { buildHeaders, withQuery } from './upstream-request.ts';
import type { Upstream } from './upstreams.ts';

/** Caller headers that matter to files and have no meaning elsewhere. */
const FILE_REQUEST_HEADERS: ReadonlySet<string> = new Set([
  'content-encoding',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
]);
const VERSION_PATH = /^\/v1(?:beta)?(?=\/|$)/;
const NOT_MODIFIED = 304;
const WITH_BODY: ReadonlySet<string> = new Set(['PATCH', 'POST', 'PUT']);
const NO_BODY = ['Content-Length', '0'];

export class PassthroughRun extends Relay implements CallOwner {
  #pump: BodyPump | undefined = undefined;
  #verdict: Verdict | undefined = undefined;
  #again = 0;

  start(): void {
    if (!this.open()) return;
    const [candidate] = this.plan.candidates;
    if (candidate === undefined) {
      const reasons = 'the plan is empty';
      const params = { rule: this.plan.rule.name, route: this.exchange.route ?? '', reasons };
      this.refuse(new OutriderError('no_target', params));
      return;
    }
    const identity = this.parts.workloads.ready(candidate.credential);
    if (identity === undefined) this.#launch(candidate);
    else void this.#launchAfter(identity, candidate);
  }

  async #launchAfter(identity: Promise<void>, candidate: Candidate): Promise<void> {
    try {
      await identity;
    } catch (error) {
      if (!this.over) this.refuse(asOutriderError(error, this.requestId));
      return;
    }
    if (!this.over) this.#launch(candidate);
  }

  override hasAlternative(): boolean {
    return false;
  }

  /** Only what has no body and changes nothing. */
  mayRepeatSent(): boolean {
    return this.#again === 0 && this.#isRead();
  }

  receive(call: UpstreamCall, head: ResponseHead): Receiver {
    this.parts.gate?.heard(call.attempt, head.rawHeaders);
    const { status } = head;
    // Redirects are not followed, and a caller that followed one would leave our credentials' path.
    if (status < 200 || (status > 299 && status < 400 && status !== NOT_MODIFIED)) {
      return new ErrorReceiver(call, this.parts.clock.wall());
    }
    if (status >= 400) this.#refused(call, status);
    this.extraHeaders = call.upstream.type.fileHeaders;
    const type = headerValue(head.rawHeaders, 'content-type');
    this.streamed = type !== undefined && /^\s*text\/event-stream/i.test(type);
    return new RawReceiver(call, this);
  }

  succeeded(call: UpstreamCall): void {
    this.call = undefined;
    this.#pump?.stop();
    const { breakers } = this.parts;
    const evidence = this.evidence(call, this.#caller(call.attempt.candidate));
    const verdict = this.#verdict;
    if (verdict === undefined) breakers.success(evidence, this.now());
    // Everything else may be about what was asked for: no breaker hears of it.
    else if (verdict.class === 'Unauthorized') breakers.failure(evidence, verdict, undefined, this.now());
  }

  failed(call: UpstreamCall, failure: Failure): void {
    this.call = undefined;
    this.#pump?.stop();
    const { candidate } = call.attempt;
    if (failure.verdict.class === 'Connect') {
      const evidence = this.evidence(call, this.#caller(candidate));
      this.parts.breakers.failure(evidence, failure.verdict, undefined, this.now());
    }
    if (this.over) return;
    noteFailure(this.exchange, call.attempt, failure);
    if (call.committed) {
      this.breakOff(failure.error, false);
    } else if (failure.again === 'StaleSocket') {
      this.#again++;
      this.#launch(candidate);
    } else {
      this.refuse(failure.error);
    }
  }

  timedOut(call: UpstreamCall, error: OutriderError): void {
    if (error.code === 'client_stalled') this.dropStalled(error);
    else call.failTransport('Timeout', 'request', error, { counted: false });
  }

  protected override stop(): void {
    this.#pump?.stop();
  }

  #launch(candidate: Candidate): void {
    try {
      const upstream = this.parts.upstreams.of(candidate);
      const path = this.#pathFor(candidate).replace(VERSION_PATH, '');
      const segments = segmentsOf(path);
      if (segments === undefined || isManagementPath(segments)) {
        const { method, path: asked } = this.exchange;
        const hint = 'paths that administer an account are never passed through';
        throw new OutriderError('endpoint_not_found', { method, path: asked, hint });
      }
      const call = this.#prepare(candidate, upstream, path);
      this.call = call;
      call.start();
      this.#send(call);
    } catch (error) {
      this.crashed(asOutriderError(error, this.requestId));
    }
  }

  /** A path that names the model names it as the vendor does. */
  #pathFor({ upstreamModel }: Candidate): string {
    const { path, dialect, facts } = this.exchange;
    return facts?.modelInPath ? (dialect.modelInPath?.replace(path, upstreamModel) ?? path) : path;
  }

  #prepare(candidate: Candidate, upstream: Upstream, path: string): UpstreamCall {
    const { exchange, plan, parts } = this;
    const place = placeOfUnread(exchange.dialect.name, upstream.type);
    if (place === undefined) throw new OutriderError('internal_error', { id: this.requestId });
    requirePermitted(candidate, plan.rule, exchange.facts);
    const authorization = authorize(exchange.req.rawHeaders, candidate, upstream.type, place, parts);
    const headers = buildHeaders(exchange, candidate, upstream, plan.rule, {
      authorization,
      callerKey: candidate.credential?.type === 'Passthrough',
      keepIdempotency: true,
      also: FILE_REQUEST_HEADERS,
    });
    const framing = this.#framing();
    // A method that goes with a body says so where there is none (RFC 9110 §8.6).
    headers.push(...(framing.length === 0 && WITH_BODY.has(exchange.method) ? NO_BODY : framing));
    const now = this.now();
    moneyFor(parts.spend, candidate, exchange, now);
    const permit = roomFor(parts.gate, candidate, exchange, now);
    const attempt = newAttempt(candidate, this.#again === 0 ? 'First' : 'Retry', now, undefined);
    if (permit) attempt.permit = permit;
    this.started(attempt);
    return new UpstreamCall(this, {
      attempt,
      upstream,
      request: {
        method: exchange.method,
        path: withQuery(below(upstream.path(place, candidate.upstreamModel, false), path), exchange.query),
        headers,
        body: undefined,
        changes: [],
        usageInjected: false,
        askedTier: undefined,
        wire: exchange.dialect,
        translation: undefined,
      },
      admission: { kind: 'Go' },
      secret: authorization.secret,
      stream: false,
      // A body cannot be sent twice, so it is not sent over a connection that the provider may just be closing.
      fresh: !this.#isRead(),
      commitBy: this.requestBy,
      impatient: false,
    });
  }

  #send(call: UpstreamCall): void {
    if (call.done) return;
    if (this.#framing().length === 0) {
      call.finish();
      return;
    }
    const { head } = this.exchange;
    this.#pump = new BodyPump(this.exchange.req, call);
    this.#pump.start(head?.chunks ?? [], head?.complete ?? false);
  }

  /** How long the body is, as the caller said it; empty: there is none. */
  #framing(): string[] {
    const { rawHeaders } = this.exchange.req;
    const length = headerValue(rawHeaders, 'content-length');
    if (length !== undefined) return ['Content-Length', length];
    return headerValue(rawHeaders, 'transfer-encoding') === undefined ? [] : ['Transfer-Encoding', 'chunked'];
  }

  #isRead(): boolean {
    const { method } = this.exchange;
    return (method === 'GET' || method === 'HEAD') && this.#framing().length === 0;
  }

  #refused(call: UpstreamCall, status: number): void {
    // Without the body, only these statuses say for certain that the request is not to blame.
    const certain = status === 401 || status === 429 || status >= 500;
    const verdict = classify(call.upstream.type, certain ? status : 400, undefined, false);
    this.#verdict = verdict;
    call.attempt.failure = verdict.class;
    call.attempt.errorCode = `http_${status}`;
    call.attempt.noWork = true;
  }

  #caller(candidate: Candidate): string | undefined {
    return candidate.credential?.type === 'Passthrough'
      ? callerKeyOf(this.exchange.req.rawHeaders)
      : undefined;
  }
}

/** `place` may end in a query that belongs to every path below it. */
function below(place: string, path: string): string {
  const at = place.indexOf('?');
  return at < 0 ? place + path : place.slice(0, at) + path + place.slice(at);
}
