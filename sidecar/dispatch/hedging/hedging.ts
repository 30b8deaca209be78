/** Decides on hedges for the whole sidecar: when one is due, where it goes, and whether it may cost what it costs. */
import { costNanoUsd } from '../../accounting/price.ts';
import { NO_USAGE } from '../../accounting/usage.ts';
import type { Exchange, ExchangeObserver } from '../../exchange.ts';
import { headerValue } from '../../http1/header-value.ts';
import { PROVIDER_TYPES } from '../../providers/types.ts';
import type { Candidate, Plan } from '../../routing/plan.ts';
import { pricesOf } from '../../snapshot/prices.ts';
import type { RuleBody } from '../../snapshot/schema.ts';
import type { AttemptGate } from '../attempt-gate.ts';
import type { CallOwner } from '../call-owner.ts';
import type { Deadlines } from '../deadlines.ts';
import { noteStep } from '../notes.ts';
import type { PaceBook } from '../pace/pace-book.ts';
import type { SpendGate } from '../spend-gate.ts';
import { HedgeBudget, type HedgeCharge } from './budget.ts';
import { Hedge } from './hedge.ts';
import { chooseRival } from './rival.ts';

export interface HedgingParts {
  readonly deadlines: Deadlines;
  readonly pace: PaceBook;
  readonly gate: AttemptGate | undefined;
  readonly spend?: SpendGate | undefined;
}

export interface HedgeQuestion {
  readonly candidates: readonly Candidate[];
  readonly now: number;
  mayServe(candidate: Candidate): boolean;
}

/** Milliseconds: sooner than this nothing can be told from what is usual. */
const LEAST_AFTER_MS = 5;

export class Hedging implements ExchangeObserver {
  readonly budget = new HedgeBudget();
  readonly #parts: HedgingParts;
  readonly #charges = new WeakMap<Exchange, HedgeCharge>();

  constructor(parts: HedgingParts) {
    this.#parts = parts;
  }

  /** For a request whose rule hedges and that may be sent twice. Undefined: it is not hedged all the same, such as one of our own. */
  open(run: CallOwner & { readonly exchange: Exchange }, plan: Plan): Hedge | undefined {
    if (plan.candidates.length < 2 || run.exchange.internal) return undefined;
    // The caller's own retries take the place of ours.
    const retries = Number(headerValue(run.exchange.req.rawHeaders, 'x-stainless-retry-count'));
    return retries > 0 ? undefined : new Hedge(run, this.#parts.deadlines);
  }

  /** Milliseconds after the start of an attempt at which a second call is due. Undefined: too little is known of the target. */
  afterMs({ hedge }: RuleBody, candidate: Candidate, stream: boolean, now: number): number | undefined {
    if (hedge === undefined) return undefined;
    if (hedge.afterMs !== undefined) return hedge.afterMs;
    const share = (hedge.afterPercentile ?? 95) / 100;
    const learned = this.#parts.pace.of(candidate, stream)?.commitMs.quantile(share, now);
    return learned === undefined ? undefined : Math.max(LEAST_AFTER_MS, Math.ceil(learned));
  }

  /** Where the second call goes; what it would cost if it lost is taken out of the budget. Undefined: there is none. */
  choose(exchange: Exchange, first: Candidate, question: HedgeQuestion): Candidate | undefined {
    const { hedge } = exchange.plan?.rule ?? {};
    if (hedge === undefined) return undefined;
    const { now, candidates } = question;
    const { gate, spend } = this.#parts;
    let low: Candidate | undefined;
    const rival = chooseRival({
      candidates,
      first,
      crossModel: hedge.crossModel ?? false,
      mayServe(candidate) {
        if (!question.mayServe(candidate)) return false;
        if (gate?.isLow(candidate, exchange, now) !== true && spend?.isLow(candidate, exchange, now) !== true)
          return true;
        low ??= candidate;
        return false;
      },
    });
    if (rival === undefined) {
      if (low) return refuse(exchange, 'Headroom', `little headroom is left at target ${low.target.name}`);
      return refuse(
        exchange,
        'NoTarget',
        `no other target or key may take the place of ${first.target.name}`,
      );
    }
    const key = keyOf(exchange);
    const charge = this.budget.take(key, loserCost(rival, exchange), hedge.maxExtraCostPercent, now);
    const spent = this.budget.percent(key, now).toFixed(1);
    const share = `${spent} % of ${hedge.maxExtraCostPercent} % of the rule's cost`;
    if (charge === undefined) return refuse(exchange, 'Budget', `hedges that lost have come to ${share}`);
    this.#charges.set(exchange, charge);
    noteStep(
      exchange,
      'Hedged',
      `target ${first.target.name} is slow, ${rival.target.name} is asked as well: ${share}`,
    );
    return rival;
  }

  /** Every attempt is settled: what the request cost, and what of it hedging lost. */
  completed(exchange: Exchange): void {
    if (exchange.plan?.rule.hedge === undefined) return;
    let total = 0;
    let lost = 0;
    const answered = exchange.attempts.some(({ committedAt }) => committedAt !== undefined);
    for (const { kind, committedAt, cancelled, settlement } of exchange.attempts) {
      const cost = Number(settlement?.costNanoUsd ?? 0n);
      total += cost;
      if (committedAt === undefined && (kind === 'Hedge' || (answered && cancelled))) lost += cost;
    }
    const now = exchange.outcome?.endedAt ?? exchange.startedAt;
    this.budget.settle(keyOf(exchange), total, this.#charges.get(exchange), lost, now);
  }
}

const keyOf = ({ route, plan }: Exchange): string => `${route ?? ''} ${plan?.rule.name ?? ''}`;

/** What was refused is told in the explanation, and counted. */
function refuse(exchange: Exchange, why: NonNullable<Exchange['hedgeRefused']>, detail: string): undefined {
  exchange.hedgeRefused = why;
  noteStep(exchange, 'NotHedged', detail);
}

/** Nano-USD that a call is billed at least when it is cancelled: the prompt, and where the vendor goes on, the answer. */
function loserCost({ model, provider }: Candidate, { facts }: Exchange): number | undefined {
  const prices = pricesOf(model);
  if (!prices) return undefined;
  const toTheEnd = PROVIDER_TYPES[provider.type].billsAfterDisconnect === true;
  const output = toTheEnd ? (facts?.maxOutputTokens ?? 0) * (facts?.choices ?? 1) : 0;
  return Number(costNanoUsd({ ...NO_USAGE, input: facts?.inputTokens ?? 0, output }, prices));
}
