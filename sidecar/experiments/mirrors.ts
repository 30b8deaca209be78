/**
 * Copies of requests: sent to another target once the caller is being answered, behind everybody else, for a bounded amount
 * of money and memory. Nobody waits for them, nobody gets their answers, and what goes wrong with one is nobody's error; what
 * becomes of them is counted like everything else, as attempts of kind Mirror.
 *
 * A copy reads the bytes of the request it is made of, so it holds its own part of the memory budget for them.
 */
import type { LearnedUsage } from '../accounting/learned-usage.ts';
import { costNanoUsd } from '../accounting/price.ts';
import { totalCost } from '../accounting/total-cost.ts';
import { NO_USAGE } from '../accounting/usage.ts';
import type { Envelope } from '../dialects/envelope.ts';
import type {
  Attempt,
  AttemptObserver,
  CopyResult,
  Dispatch,
  Exchange,
  ExchangeObserver,
} from '../exchange.ts';
import { DiscardedResponse, innerRequest } from '../internal/captured-response.ts';
import { innerId } from '../internal/internal-rule.ts';
import type { MemoryBudget, MemoryHold } from '../limits/memory-budget.ts';
import { type RecordingParts, recordExchange } from '../recording.ts';
import type { PlannedArm, TableExperiment, TableMirror } from '../routing/experiment/arms.ts';
import { plan } from '../routing/make-plan.ts';
import type { HealthView, Plan, RequestFacts } from '../routing/plan.ts';
import type { RoutingState } from '../routing/state.ts';
import { HttpExchange } from '../server/http-exchange.ts';
import { pricesOf } from '../snapshot/prices.ts';
import { MirrorBudget } from './mirror-budget.ts';

export interface MirrorParts extends RecordingParts {
  memory: MemoryBudget;
  learned: LearnedUsage;
  health: HealthView;
  state: RoutingState;
  dispatch: Dispatch;
  /** Milliseconds, monotonic. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
  /** Pods that share the experiment's costs; undefined: not known, so nothing is spent. */
  podsOf: (key: string) => number | undefined;
  /** Runs a task when everything that is due has been done. */
  later: (task: () => void) => void;
}

interface Copy {
  mirror: TableMirror;
  plan: Plan;
  envelope: Envelope;
  hold: MemoryHold;
  budget: MirrorBudget;
  reserved: bigint;
}

/** Copies under way or waiting for their callers' answers. */
const MAX_COPIES = 32;
/** Share of the memory budget that copies leave to callers. */
const CALLERS_SHARE = 0.5;
/** Keep a copy from being taken for the request itself, or for one of its repetitions. */
const DROPPED =
  /^(authorization|x-api-key|api-key|x-goog-api-key|cookie|idempotency-key|x-stainless-.*|expect)$/i;

export class Mirrors implements AttemptObserver, ExchangeObserver {
  readonly #parts: MirrorParts;
  readonly #waiting = new Map<Exchange, Copy[]>();
  readonly #budgets = new Map<string, MirrorBudget>();
  readonly #open = new Set<Exchange>();
  #count = 0;
  #ended = false;

  constructor(parts: MirrorParts) {
    this.#parts = parts;
  }

  /** The first attempt of a request: the last moment at which its body is sure to be there. */
  started(_attempt: Attempt, exchange: Exchange): void {
    const experiment = exchange.plan?.arm?.experiment;
    if (!experiment || experiment.mirrors.length === 0 || exchange.attempts.length !== 1) return;
    if (exchange.internal || this.#ended || !mayBeCopied(exchange)) return;
    for (const mirror of experiment.mirrors) {
      if (this.#parts.random() * 100 >= mirror.percent) continue;
      const copy = this.#copy(exchange.facts, exchange.envelope, experiment, mirror);
      (exchange.copies ??= []).push(typeof copy === 'string' ? copy : 'Made');
      if (typeof copy === 'string') continue;
      exchange.bodyShared = true;
      this.#count++;
      const waiting = this.#waiting.get(exchange);
      if (waiting) waiting.push(copy);
      else this.#waiting.set(exchange, [copy]);
    }
  }

  committed(_attempt: Attempt, exchange: Exchange): void {
    if (this.#waiting.size === 0) return;
    const copies = this.#waiting.get(exchange);
    if (!copies) return;
    this.#waiting.delete(exchange);
    // The caller's answer leaves first.
    this.#parts.later(() => {
      copies.forEach((copy, i) => {
        if (this.#ended) this.#drop(copy);
        else void this.#send(copy, i, exchange);
      });
    });
  }

  /** What was never answered is never copied: there would be nothing to compare it with. */
  completed(exchange: Exchange): void {
    if (this.#waiting.size === 0) return;
    for (const copy of this.#waiting.get(exchange) ?? []) this.#drop(copy);
    this.#waiting.delete(exchange);
  }

  /** Forgets budgets of experiments that are gone. */
  retain(keys: ReadonlySet<string>): void {
    for (const name of this.#budgets.keys()) {
      if (!keys.has(name.slice(0, name.lastIndexOf(' ')))) this.#budgets.delete(name);
    }
  }

  /** No copy is begun any more, and those under way are broken off. */
  stop(): void {
    this.#ended = true;
    for (const { res } of this.#open) res.destroy();
  }

  #copy(
    facts: RequestFacts,
    envelope: Envelope,
    experiment: TableExperiment,
    mirror: TableMirror,
  ): Copy | CopyResult {
    const { health, now, random, state, memory } = this.#parts;
    const bytes = envelope.body.length;
    if (this.#count >= MAX_COPIES || memory.used + bytes > memory.limit * CALLERS_SHARE) return 'Memory';
    const planned = plan(mirror.rule, facts, health, now(), random, state);
    const [candidate] = planned.candidates;
    const reason = candidate && planned.considered[candidate.index]?.reason;
    // What is down is not asked for the sake of a copy, and the caller's own key is not spent on one.
    if (!candidate || reason === 'LastResort' || candidate.credential?.type === 'Passthrough')
      return 'NoTarget';
    planned.candidates.length = 1;
    const { arm, percent } = mirror;
    planned.arm = { experiment, arm, sticky: 'Chance', percent, canary: undefined } satisfies PlannedArm;
    const pods = this.#parts.podsOf(experiment.key);
    const most = this.#mostOf(facts, planned);
    if (pods === undefined || most === undefined) return 'Budget';
    const budget = this.#budgetOf(experiment, mirror);
    if (!budget.reserve(most, mirror.maxCostPerHour / BigInt(pods), now())) return 'Budget';
    const hold = memory.open();
    if (!hold.grow(bytes)) {
      budget.settle(most, 0n);
      return 'Memory';
    }
    const own: Envelope = { ...envelope, body: envelope.body };
    return { mirror, plan: planned, envelope: own, hold, budget, reserved: most };
  }

  /** Nano-USD; undefined where the price is unknown. */
  #mostOf(facts: RequestFacts, { candidates }: Plan): bigint | undefined {
    const [candidate] = candidates;
    const prices = pricesOf(candidate?.model);
    if (!candidate || !prices) return undefined;
    const key = `${candidate.providerId} ${candidate.upstreamModel}`;
    const { learned } = this.#parts;
    const input = Math.ceil(learned.inputTokens(key, facts.inputTokens));
    const output = (facts.maxOutputTokens ?? learned.outputReserve(key)) * facts.choices;
    return costNanoUsd({ ...NO_USAGE, input, output }, prices);
  }

  #budgetOf({ key }: TableExperiment, { arm }: TableMirror): MirrorBudget {
    const name = `${key} ${arm.name}`;
    let budget = this.#budgets.get(name);
    if (!budget) this.#budgets.set(name, (budget = new MirrorBudget()));
    return budget;
  }

  async #send(copy: Copy, index: number, of: Exchange): Promise<void> {
    const { learned, dispatch } = this.#parts;
    const req = innerRequest(of.path, keptHeaders(of.req.rawHeaders));
    const id = innerId(of.id, (of.asked?.length ?? 0) + index + 1);
    const exchange = new HttpExchange(id, req, new DiscardedResponse(req), of.dialect, copy.hold, learned);
    exchange.path = of.path;
    exchange.query = of.query;
    exchange.route = of.route;
    exchange.modelPattern = of.modelPattern;
    exchange.facts = of.facts;
    exchange.envelope = copy.envelope;
    exchange.plan = copy.plan;
    exchange.bodyShared = true;
    exchange.internal = { purpose: 'Mirror', parent: of.id };
    this.#open.add(exchange);
    try {
      await dispatch.run(exchange);
    } catch {
      exchange.res.destroy();
      exchange.outcome ??= {
        status: 502,
        endedAt: this.#parts.now(),
        errorCode: 'internal_error',
        broken: false,
        cancelled: false,
        streamed: false,
        responseBytes: 0,
      };
    }
    this.#open.delete(exchange);
    recordExchange(exchange, this.#parts);
    this.#count--;
    copy.budget.settle(copy.reserved, totalCost(exchange.attempts));
  }

  #drop({ hold, budget, reserved }: Copy): void {
    this.#count--;
    hold.release();
    budget.settle(reserved, 0n);
  }
}

/** Only what may be repeated, and was read. */
function mayBeCopied(exchange: Exchange): exchange is Exchange & { facts: RequestFacts; envelope: Envelope } {
  const { facts, envelope } = exchange;
  return (
    facts !== undefined &&
    envelope !== undefined &&
    envelope.body.length > 0 &&
    facts.replay === 'Free' &&
    !facts.pinned
  );
}

function keptHeaders(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (!DROPPED.test(name)) kept.push(name, rawHeaders[i + 1] as string);
  }
  return kept;
}
