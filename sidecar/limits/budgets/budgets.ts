/**
 * Every budget of every route, as far as this process goes. An attempt sets aside what it may cost of all budgets of its route, or
 * of none; what it cost is settled in the turn in which its row is written. What may be set aside is leased from the operator,
 * ahead of demand: with a lease in hand, nobody is asked.
 *
 * Nothing is kept for routes without budgets: their requests cost one look at a map.
 */
import type { Charge } from '../../accounting/charge.ts';
import { formatUsd } from '../../accounting/usd.ts';
import type { SpendGate, SpendRefusal, SpendWaiter } from '../../dispatch/spend-gate.ts';
import type { Attempt, AttemptObserver, Exchange } from '../../exchange.ts';
import type { Candidate, RequestFacts } from '../../routing/plan.ts';
import type { SpendView } from '../../routing/spend-view.ts';
import type { Clock } from '../../snapshot/clock.ts';
import type { EffectiveSnapshot } from '../../snapshot/effective.ts';
import type { BudgetDemand, BudgetLease } from '../../snapshot/lease-messages.ts';
import type { LeaseParty } from '../../snapshot/lease-party.ts';
import type { BudgetBody } from '../../snapshot/shapes/budgets.ts';
import { likelyCost, mostCost, type TokenEstimates } from './amount.ts';
import { Entries } from './entries.ts';
import { type Entry, entryOf } from './entry.ts';
import { type Allowance, SpendHold } from './hold.ts';
import { IdleReturns } from './idle.ts';
import { keyOf, labelOf, type PodIdentity } from './keys.ts';
import { LeaseQueue } from './lease-queue.ts';
import { nameKey, type Short, type ShortRefusal, shortRefusal, unknownCost, unmetered } from './refusals.ts';
import { labelled, type RouteBudget, routeBudgets } from './route-budgets.ts';
import { standingOf } from './standing.ts';

/** Grants on the spot, where there is no operator. */
interface Lessor {
  keyFor(budget: BudgetBody, key: string): string;
  lease(entry: Entry): BudgetLease;
  spent(charges: readonly Charge[], nanoUsd: bigint): void;
}

export interface BudgetsOptions {
  readonly clock: Clock;
  readonly estimates: TokenEstimates;
  readonly pod: PodIdentity;
  /** Undefined: leases come with the answers to reports. */
  readonly lessor?: Lessor | undefined;
}

interface OfRoute {
  readonly list: readonly RouteBudget[];
  readonly label: RouteBudget | undefined;
}

/** More is asked for ahead of need no more often than this. */
const AHEAD_MS = 1000;

export class Budgets implements SpendGate, SpendView, AttemptObserver, LeaseParty {
  readonly #options: BudgetsOptions;
  readonly #clock: Clock;
  readonly #queue: LeaseQueue;
  readonly #entries = new Entries();
  readonly #wall = (): number => this.#clock.wall();
  readonly #idle: IdleReturns | undefined;
  readonly #onSettled = (): void => this.#idle?.watch();
  #routes = new Map<string, OfRoute>();
  /** Of budgets, in the outage under way; undefined: there is none. */
  #outage: Map<string, Allowance> | undefined = undefined;
  #ask: () => void = () => {};
  #term = -1;
  #ended = false;

  constructor(options: BudgetsOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#queue = new LeaseQueue(options.clock);
    // Without others there is nobody to give it to.
    if (!options.lessor) this.#idle = new IdleReturns(options.clock, this.#entries, () => this.#ask());
  }

  /** A new configuration runs. What was spent stays spent where a budget goes on. */
  apply({ routes }: Pick<EffectiveSnapshot, 'routes'>): void {
    const found = new Map<string, OfRoute>();
    for (const { id, body } of routes) {
      if (!body?.budgets?.length) continue;
      const list = routeBudgets(body, this.#options.pod);
      for (const budget of list) this.#entries.renew(budget.body);
      found.set(id.slice(id.indexOf('/') + 1), { list, label: labelled(list) });
    }
    this.#routes = found;
    const { lessor } = this.#options;
    if (lessor === undefined) return;
    // Nobody else tells what an edit has left of a lease.
    const now = this.#clock.monotonic();
    for (const entry of this.#entries) entry.take(lessor.lease(entry), now, now);
  }

  // For dispatch

  take(candidate: Candidate, exchange: Exchange, now: number): SpendHold | SpendRefusal | undefined {
    const { route } = exchange;
    if (this.#routes.size === 0 || route === undefined) return undefined;
    const of = this.#routes.get(route);
    const { facts } = exchange;
    if (of === undefined || facts === undefined || exchange.dialect.operation === 'count_tokens')
      return undefined;
    if (facts.unread) return refusalOfUnread(of, exchange);
    const { list } = of;
    const amounts: bigint[] = [];
    for (const budget of list) {
      const amount = this.#amount(
        budget,
        candidate,
        exchange,
        amounts.length === 0 ? undefined : amounts[0],
        list[0],
      );
      if (typeof amount !== 'bigint')
        return note(exchange, budget, 'CostUnknown', unknownCost(budget, candidate, amount));
      amounts.push(amount);
    }
    return this.#reserve(of, amounts, candidate, exchange, now);
  }

  owe(candidate: Candidate, exchange: Exchange, now: number): SpendHold | undefined {
    const of = exchange.route === undefined ? undefined : this.#routes.get(exchange.route);
    if (of === undefined) return undefined;
    const amounts: bigint[] = [];
    const entries = of.list.map((budget) => {
      const amount = this.#amount(budget, candidate, exchange, amounts[0], of.list[0]);
      const entry = this.#entryOf(budget, candidate, exchange, now);
      const known = typeof amount === 'bigint' ? amount : 0n;
      amounts.push(known);
      entry.account.overdraw(known);
      return entry;
    });
    return this.#hold(of, entries, amounts, undefined, candidate, exchange, now);
  }

  wait(refusal: SpendRefusal, waiter: SpendWaiter, now: number): (() => void) | undefined {
    const { askAgainAt } = refusal;
    if (askAgainAt === undefined || askAgainAt >= waiter.deadline || waiter.deadline <= now) return undefined;
    const leave = this.#queue.add(refusal, waiter);
    if (leave && askAgainAt <= now) this.#ask();
    return leave;
  }

  isLow(candidate: Candidate, exchange: Exchange, now: number): boolean {
    const of = exchange.route === undefined ? undefined : this.#routes.get(exchange.route);
    if (of === undefined) return false;
    return of.list.some((budget) => {
      if (budget.strict) return true;
      const { account } = this.#entryOf(budget, candidate, exchange, now);
      return account.scarce || account.exhaustedFor(now) > 0;
    });
  }

  costOf(candidate: Candidate, { facts }: Exchange): bigint | undefined {
    return facts && likelyCost(candidate, facts, this.#options.estimates);
  }

  /** The provider has done nothing: what was set aside is free at once. */
  ended({ spend, noWork, failure }: Attempt): void {
    if (spend !== undefined && noWork && failure !== undefined) spend.settle(0n, this.#clock.monotonic());
  }

  /** Every attempt is settled, and the rows follow. What the vendor's price is not known of costs what was set aside. */
  settle({ attempts }: Exchange): void {
    for (const { spend, settlement } of attempts) {
      if (spend === undefined || settlement === undefined) continue;
      if (settlement.costNanoUsd === undefined) {
        settlement.costNanoUsd = spend.amount;
        settlement.source = 'Estimated';
      }
      if (spend.settle(settlement.costNanoUsd, this.#clock.monotonic()))
        this.#options.lessor?.spent(spend.charges, settlement.costNanoUsd);
    }
  }

  // For reports

  demands(rows: readonly unknown[]): BudgetDemand[] | undefined {
    const now = this.#clock.monotonic();
    this.#entries.tidy(now);
    if (this.#entries.size === 0) return undefined;
    const waiting = new Map<Entry, bigint>();
    for (const refusal of this.#queue.refusals()) {
      const { short } = refusal as ShortRefusal;
      waiting.set(short.entry, (waiting.get(short.entry) ?? 0n) + short.amount);
    }
    const demands = this.#entries.demands(rows, waiting, now);
    return this.#ended ? demands.map((demand) => ({ ...demand, need: '0', want: '0' })) : demands;
  }

  acknowledged(charges: readonly Charge[], nanoUsd: bigint): void {
    for (const charge of charges) entryOf(charge)?.account.noteAcknowledged(nanoUsd, charge.window);
  }

  answered(leases: readonly BudgetLease[], sentAt: number): void {
    const now = this.#clock.monotonic();
    this.#outage = undefined;
    for (const lease of leases) {
      // Who led before may not know yet that it does not.
      if (lease.term < this.#term) continue;
      this.#term = lease.term;
      this.#entries.find(lease.budget, lease.key)?.take(lease, sentAt, now);
    }
    this.#queue.pass();
    this.#idle?.watch();
  }

  unreachable(): void {
    this.#outage ??= new Map();
    this.#queue.pass();
  }

  onNeed(ask: () => void): void {
    this.#ask = ask;
  }

  end(): boolean {
    const now = this.#clock.monotonic();
    // What was asked for before may have come since.
    let left = !this.#ended && this.#entries.size > 0;
    for (const { account } of this.#entries) {
      left ||= account.available(now) > 0n;
      account.giveBack(now);
    }
    this.#ended = true;
    this.#idle?.end();
    return left;
  }

  /** For the admin port: what is held of each budget. */
  standing(): object[] {
    return standingOf(this.#entries, this.#clock.monotonic());
  }

  /** Of a request that is only explained: nothing is set aside or asked for. */
  explain(route: string, candidate: Candidate, facts: RequestFacts): string[] {
    const now = this.#clock.monotonic();
    return (this.#routes.get(route)?.list ?? []).map((budget) => {
      const key = budget.fixed ?? keyOf(budget.body.key, this.#options.pod, candidate, facts);
      const account = this.#entries.find(budget.body.id, key)?.account;
      const exhausted = account?.exhaustedFor(now) ?? 0;
      const left = `this pod has spent $${formatUsd(account?.settled ?? 0n)} and holds a lease of $${formatUsd(account?.available(now) ?? 0n)} more`;
      const state = exhausted > 0 ? `; nothing more is left for ${Math.ceil(exhausted / 1000)} s` : '';
      return `${budget.body.id}, key ${nameKey(key)}: ${left}${state}`;
    });
  }

  #reserve(
    of: OfRoute,
    amounts: readonly bigint[],
    candidate: Candidate,
    exchange: Exchange,
    now: number,
  ): SpendHold | ShortRefusal {
    const { list } = of;
    const entries: Entry[] = [];
    const reserved: boolean[] = [];
    let allowances: (Allowance | undefined)[] | undefined;
    let worst: Short | undefined;
    for (let i = 0; i < list.length; i++) {
      const budget = list[i] as RouteBudget;
      const amount = amounts[i] as bigint;
      const entry = this.#entryOf(budget, candidate, exchange, now);
      entries.push(entry);
      const fits = this.#fits(entry, amount, now);
      reserved.push(fits);
      if (fits) continue;
      const allowance = this.#beyond(budget, entry, amount, exchange, now);
      if (allowance === 'No') {
        const short = { budget, entry, amount };
        if (worst === undefined || entry.account.exhaustedFor(now) > worst.entry.account.exhaustedFor(now))
          worst = short;
      } else if (allowance) {
        (allowances ??= list.map(() => undefined))[i] = allowance;
      }
    }
    if (worst !== undefined) {
      for (let i = 0; i < entries.length; i++)
        if (reserved[i]) entries[i]?.account.release(amounts[i] as bigint);
      const what = worst.entry.account.exhaustedFor(now) > 0 ? 'Exhausted' : 'Unavailable';
      // With nobody to wait for it, the next request may still find a lease.
      if (what === 'Unavailable') this.#ask();
      return note(
        exchange,
        worst.budget,
        what,
        shortRefusal(worst, exchange, now, this.#outage !== undefined),
      );
    }
    for (let i = 0; i < entries.length; i++) {
      if (!reserved[i]) entries[i]?.account.overdraw(amounts[i] as bigint);
      const allowance = allowances?.[i];
      if (allowance) allowance.spent += amounts[i] as bigint;
    }
    return this.#hold(of, entries, amounts, allowances, candidate, exchange, now);
  }

  #hold(
    { label }: OfRoute,
    entries: readonly Entry[],
    amounts: readonly bigint[],
    allowances: (Allowance | undefined)[] | undefined,
    candidate: Candidate,
    exchange: Exchange,
    now: number,
  ): SpendHold {
    const [first] = entries as readonly [Entry];
    const charges =
      entries.length === 1 ? first.only(now, this.#wall) : this.#entries.charges(entries, now, this.#wall);
    const key = label ? labelOf(label.body.key, this.#options.pod, candidate, payerOf(exchange)) : '';
    return new SpendHold({ entries, amounts, charges, key, allowances, onSettled: this.#onSettled });
  }

  /** Sets it aside where there is a lease for it. */
  #fits(entry: Entry, amount: bigint, now: number): boolean {
    const { account } = entry;
    if (amount === 0n) {
      account.overdraw(0n);
      return true;
    }
    let reservation = account.reserve(amount, now);
    const { lessor } = this.#options;
    if (reservation !== 'Reserved' && lessor) {
      entry.take(lessor.lease(entry), now, now);
      reservation = account.reserve(amount, now);
    }
    if (reservation !== 'Reserved') return false;
    if (entry.lowWater > 0n && now - entry.askedAt > AHEAD_MS && account.available(now) < entry.lowWater) {
      entry.askedAt = now;
      this.#ask();
    }
    return true;
  }

  /** Whether it may be spent although there is no lease for it; an Allowance where that is because of an outage. */
  #beyond(
    { soft, allowUpTo, body }: RouteBudget,
    { account }: Entry,
    amount: bigint,
    exchange: Exchange,
    now: number,
  ): Allowance | undefined | 'No' {
    const exhausted = account.exhaustedFor(now) > 0;
    if (soft) {
      if (!exhausted) this.#ask();
      else {
        exchange.budget = { id: body.id, what: 'Overdrawn' };
        exchange.warnings.push(`budget ${body.id} has nothing left for ${nameKey(account.key)}`);
      }
      return undefined;
    }
    if (this.#outage === undefined || exhausted || allowUpTo === 0n) return 'No';
    let allowance = this.#outage.get(body.id);
    if (!allowance) this.#outage.set(body.id, (allowance = { spent: 0n }));
    if (allowance.spent + amount > allowUpTo) return 'No';
    exchange.budget = { id: body.id, what: 'Allowed' };
    return allowance;
  }

  #amount(
    budget: RouteBudget,
    candidate: Candidate,
    exchange: Exchange,
    first: bigint | undefined,
    firstOf: RouteBudget | undefined,
  ): bigint | string | undefined {
    if (first !== undefined && firstOf?.strict === budget.strict) return first;
    const { facts } = exchange;
    const amount = budget.strict
      ? mostCost(candidate, exchange)
      : facts && likelyCost(candidate, facts, this.#options.estimates);
    if (typeof amount === 'bigint') return amount;
    const lifted = budget.own && exchange.plan?.rule.unmetered === 'Allow';
    return (amount === undefined && budget.soft) || lifted ? 0n : amount;
  }

  #entryOf(budget: RouteBudget, candidate: Candidate, exchange: Exchange, now: number): Entry {
    const { body, fixed } = budget;
    if (fixed === undefined) {
      return this.#entryFor(body, keyOf(body.key, this.#options.pod, candidate, payerOf(exchange)), now);
    }
    const known = budget.entry;
    if (known !== undefined && !known.forgotten) return known;
    return (budget.entry = this.#entryFor(body, fixed, now));
  }

  #entryFor(body: BudgetBody, key: string, now: number): Entry {
    const { lessor } = this.#options;
    return this.#entries.of(body, lessor ? lessor.keyFor(body, key) : key, now);
  }
}

/** A request of our own is charged to whoever it is made for. */
const payerOf = (exchange: Exchange): RequestFacts =>
  exchange.payer?.facts ?? (exchange.facts as RequestFacts);

function note<T extends SpendRefusal>(
  exchange: Exchange,
  { body }: RouteBudget,
  what: NonNullable<Exchange['budget']>['what'],
  refusal: T,
): T {
  exchange.budget = { id: body.id, what };
  return refusal;
}

/** What is not read cannot be measured: only budgets that stop nothing let it pass, and those whose owner says so. */
function refusalOfUnread({ list }: OfRoute, exchange: Exchange): SpendRefusal | undefined {
  const allowed = exchange.plan?.rule.unmetered === 'Allow';
  const hard = list.find(({ soft, own }) => !soft && !(own && allowed));
  return hard && note(exchange, hard, 'Unmetered', unmetered(hard, exchange));
}
