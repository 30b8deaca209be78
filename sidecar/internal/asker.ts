/**
 * Requests of our own: a stage asks a target something and gets the parsed answer. They go the way of every request from
 * the plan on: breakers, keys, failover, deadlines, settlement, rows, metrics and spans are the same. What is not there is a
 * caller: the answer stays in memory, no header of an app is in it, and no signal of a route is looked at, so that asking
 * never leads to asking.
 */
import { randomBytes } from 'node:crypto';
import { OutriderError } from '../../errors/table.ts';
import type { LearnedUsage } from '../accounting/learned-usage.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { OPENAI_CHAT, OPENAI_EMBEDDINGS } from '../dialects/openai/dialects.ts';
import type { Dispatch, Exchange } from '../exchange.ts';
import type { MemoryBudget } from '../limits/memory-budget.ts';
import { type RecordingParts, recordExchange, stackOf } from '../recording.ts';
import { buildFacts } from '../routing/facts.ts';
import { plan } from '../routing/make-plan.ts';
import type { HealthView, Plan } from '../routing/plan.ts';
import { refusal } from '../routing/refusal.ts';
import type { RoutingState } from '../routing/state.ts';
import type { TableRoute, TableRule } from '../routing/table.ts';
import { HttpExchange } from '../server/http-exchange.ts';
import type { Clock } from '../snapshot/clock.ts';
import type { TimeoutsBody } from '../snapshot/schema.ts';
import type { ConstraintsBody } from '../snapshot/shapes/constraints.ts';
import { CapturedResponse, innerRequest } from './captured-response.ts';
import { strictest } from './demands.ts';
import { innerId, type Purpose } from './internal-rule.ts';

export interface Question {
  purpose: Purpose;
  /** To which it is attributed. */
  route: TableRoute;
  /** Who is asked: a rule made for the purpose, or one of the route. Its matches are not looked at. */
  rule: TableRule;
  /** In which `body` is, and the answer comes. */
  dialect: 'Chat' | 'Embeddings';
  body: object;
  /** For everything: what is not answered by then is given up. */
  timeoutMs: number;
  /** By estimate; a longer question is not asked. */
  maxInputTokens: number;
  /** What the rules demand that the request it is about may still come to; nobody is asked who does not meet it all. */
  demands?: readonly ConstraintsBody[];
  /** Label of that request, where it has one. */
  classification?: string | undefined;
  /** On whose behalf: its leaving ends this too. Unset: nobody's. */
  parent?: Exchange;
}

/** Timeout, or the caller's leaving; every attempt failed; not asked: no target may be, or there is no room. */
type AskFailure = 'Timeout' | 'Cancelled' | 'Failed' | 'Refused';

export type Asked =
  | { ok: true; answer: unknown }
  /** `detail` is a sentence without words of the prompt or of a vendor. */
  | { ok: false; why: AskFailure; detail: string };

/** How stages ask. Never throws. */
export interface Ask {
  (question: Question): Promise<Asked>;
}

export interface AskerParts extends RecordingParts {
  memory: MemoryBudget;
  learned: LearnedUsage;
  health: HealthView;
  state: RoutingState;
  dispatch: Dispatch;
  clock: Clock;
  random: () => number;
}

const DIALECTS: Readonly<Record<Question['dialect'], { dialect: Dialect; path: string }>> = {
  Chat: { dialect: OPENAI_CHAT, path: '/v1/chat/completions' },
  Embeddings: { dialect: OPENAI_EMBEDDINGS, path: '/v1/embeddings' },
};
const HEADERS = ['content-type', 'application/json'];
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Dispatch keeps the deadline; what it waits for before an attempt is cut off by us, this much later. */
const GRACE_MS = 100;

export class Asker {
  readonly #parts: AskerParts;
  /** Tells ids of requests that are nobody's from those of another process. */
  readonly #suffix = `.${randomBytes(6).toString('base64url')}`;
  #count = 0;

  constructor(parts: AskerParts) {
    this.#parts = parts;
  }

  readonly ask: Ask = async (question) => {
    const { parent } = question;
    if (parent && isGone(parent)) return failed('Cancelled', 'the caller has left');
    const exchange = this.#begin(question);
    try {
      return await this.#run(exchange, question);
    } catch (thrown) {
      return this.#failed(exchange, thrown);
    } finally {
      recordExchange(exchange, this.#parts);
    }
  };

  #begin({ purpose, parent, route, dialect: kind }: Question): InnerExchange {
    const { memory, learned } = this.#parts;
    const { dialect, path } = DIALECTS[kind];
    const id = parent
      ? innerId(parent.id, (parent.asked?.length ?? 0) + 1)
      : innerId(undefined, this.#count++) + this.#suffix;
    const req = innerRequest(path, HEADERS);
    const res = new CapturedResponse(req, MAX_ANSWER_BYTES);
    const exchange = new InnerExchange(id, req, res, dialect, memory.open(), learned);
    exchange.path = path;
    exchange.route = route.key;
    exchange.internal = { purpose, parent: parent?.id };
    exchange.payer = parent;
    if (parent) (parent.asked ??= []).push(exchange);
    return exchange;
  }

  async #run(exchange: InnerExchange, question: Question): Promise<Asked> {
    const body = Buffer.from(JSON.stringify(question.body));
    if (!exchange.hold.grow(body.length)) throw exchange.hold.full();
    const envelope = exchange.dialect.readRequest(body);
    exchange.envelope = envelope;
    const { method, path, req, dialect } = exchange;
    const facts = buildFacts({ method, path, rawHeaders: req.rawHeaders, dialect, envelope });
    // What is asked is as confidential as the request that it is about.
    facts.classification = question.classification;
    exchange.facts = facts;
    const { maxInputTokens } = question;
    if (facts.inputTokens > maxInputTokens) {
      throw new OutriderError('request_too_large_for_targets', {
        rule: question.rule.body.name,
        route: question.route.key,
        reasons: `about ${facts.inputTokens} tokens, ${maxInputTokens} are allowed`,
      });
    }
    this.#plan(exchange, question);
    await this.#dispatch(exchange, question);
    return answerOf(exchange);
  }

  #plan(exchange: InnerExchange, { route, rule: own, timeoutMs, demands = [] }: Question): void {
    const { health, random, state } = this.#parts;
    const { facts } = exchange;
    if (!facts) throw new Error('a request without facts cannot be planned');
    const constraints = strictest([...demands, own.body.constraints ?? {}]);
    const rule = constraints
      ? { ...own, body: { ...own.body, constraints: { ...own.body.constraints, ...constraints } } }
      : own;
    const planned = plan(rule, facts, health, performance.now(), random, state);
    planned.rule = { ...planned.rule, timeouts: within(planned.rule.timeouts, timeoutMs) };
    exchange.plan = planned;
    const refused = refusal(route, planned, facts) ?? lastResort(route, planned);
    if (refused) throw refused;
  }

  /** Resolves when the answer is whole, or there will be none. */
  async #dispatch(exchange: InnerExchange, { parent, timeoutMs }: Question): Promise<void> {
    const { clock, dispatch } = this.#parts;
    const end = (): void => void exchange.res.destroy();
    let late = false;
    const timer = clock.after(timeoutMs + GRACE_MS, () => {
      late = true;
      end();
    });
    parent?.res.once('close', end);
    try {
      await dispatch.run(exchange);
    } finally {
      timer.cancel();
      parent?.res.off('close', end);
    }
    if (late) throw new OutriderError('request_timeout', { timeout: `${timeoutMs}ms` });
  }

  #failed(exchange: InnerExchange, thrown: unknown): Asked {
    const ours = thrown instanceof OutriderError;
    if (!ours) this.#parts.warn(`request ${exchange.id} met an unexpected failure: ${stackOf(thrown)}`);
    const error = ours ? thrown : new OutriderError('internal_error', { id: exchange.id });
    exchange.res.destroy();
    exchange.outcome ??= {
      status: error.status,
      endedAt: performance.now(),
      errorCode: error.code,
      broken: false,
      cancelled: false,
      streamed: false,
      responseBytes: 0,
    };
    if (TIMEOUTS.has(error.code)) return failed('Timeout', 'no answer in time');
    const last = exchange.attempts.at(-1);
    if (last === undefined) return failed('Refused', error.message);
    return failed('Failed', `the last attempt failed: ${last.failure ?? error.code}`);
  }
}

const TIMEOUTS: ReadonlySet<string> = new Set(['request_timeout', 'upstream_timeout']);

/** Its answer stays in memory. */
class InnerExchange extends HttpExchange {
  declare readonly res: CapturedResponse;
}

const failed = (why: AskFailure, detail: string): Asked => ({ ok: false, why, detail });

const isGone = ({ res }: Exchange): boolean => res.destroyed || res.closed;

function answerOf({ res, outcome, attempts }: InnerExchange): Asked {
  if (res.overflown) return failed('Failed', `the answer has more than ${MAX_ANSWER_BYTES} bytes`);
  if (!outcome || outcome.cancelled || outcome.broken) return failed('Cancelled', 'it was broken off');
  if (outcome.status < 200 || outcome.status > 299) {
    return failed('Failed', `the last attempt failed: ${attempts.at(-1)?.failure ?? outcome.status}`);
  }
  try {
    return { ok: true, answer: JSON.parse(res.body().toString()) as unknown };
  } catch {
    return failed('Failed', 'the answer is not JSON');
  }
}

/** Whoever waits for us must not wait for what is known to be down. */
function lastResort(route: TableRoute, { rule, considered, candidates }: Plan): OutriderError | undefined {
  const first = candidates[0] && considered[candidates[0].index];
  if (first?.reason !== 'LastResort') return undefined;
  const reasons = `${first.target}: ${first.detail}`;
  return new OutriderError('no_target', { rule: rule.name, route: route.key, reasons });
}

function within(timeouts: TimeoutsBody, most: number): TimeoutsBody {
  const { connectMs, firstTokenMs, interTokenMs, attemptMs, requestMs, clientStallMs } = timeouts;
  return {
    connectMs: Math.min(connectMs, most),
    firstTokenMs: Math.min(firstTokenMs, most),
    interTokenMs: Math.min(interTokenMs, most),
    attemptMs: Math.min(attemptMs, most),
    requestMs: Math.min(requestMs, most),
    clientStallMs: Math.min(clientStallMs, most),
  };
}
