/** Sidecars and replicas of the operator on virtual time: what each knows, what gets lost between them, and who dies. */
import { EscrowStore } from '../../../operator/ledger/leases/escrow-store.ts';
import { Leasing } from '../../../operator/ledger/leases/leasing.ts';
import { readDemands } from '../../../operator/ledger/leases/read-demands.ts';
import { Ledger } from '../../../operator/ledger/ledger.ts';
import { RowSpool } from '../../../sidecar/accounting/row-spool.ts';
import type { Row } from '../../../sidecar/accounting/rows.ts';
import type { BudgetAccount } from '../../../sidecar/limits/budgets/account.ts';
import { Entries } from '../../../sidecar/limits/budgets/entries.ts';
import { type Entry, entryOf } from '../../../sidecar/limits/budgets/entry.ts';
import type { BudgetDemand } from '../../../sidecar/snapshot/lease-messages.ts';
import { readAnswer } from '../../../sidecar/snapshot/read-messages.ts';
import type { BudgetBody } from '../../../sidecar/snapshot/shapes/budgets.ts';
import { MemoryStore } from './memory-store.ts';

const START = Date.parse('2026-11-20T12:00:00Z');
export const USD = 1_000_000_000n;

export const budgetOf = (over: Partial<BudgetBody> = {}): BudgetBody => ({
  id: 'policy/platform/teams/monthly',
  amount: (100n * USD).toString(),
  period: { unit: 'Month', timeZone: 'UTC' },
  key: [],
  maxKeys: 10,
  enforcement: 'Strict',
  onExhausted: 'Reject',
  allowUpTo: '0',
  leaseWaitMs: 200,
  ...over,
});

class Time {
  /** Milliseconds since the start, by everybody's monotonic clock. */
  now = 0;
  wall = (): number => START + this.now;
  monotonic = (): number => this.now;
}

/** What a replica sees of the world. */
export interface Surroundings {
  readonly time: { readonly wall: () => number; readonly monotonic: () => number };
  readonly store: MemoryStore;
  readonly budget: BudgetBody;
  lives(uid: string): boolean;
}

/** A replica of the operator, believing to lead in `term` until told otherwise. */
export class Replica {
  readonly ledger: Ledger;
  readonly leasing: Leasing;
  term: number | undefined;

  constructor(world: Surroundings, term: number) {
    this.term = term;
    const { time } = world;
    this.ledger = new Ledger({
      store: world.store,
      now: time.wall,
      lives: (uid) => world.lives(uid),
      onProblem: () => {},
      onCounted: (pod, epoch, rows) => this.leasing.counted(pod, epoch, rows),
      onDropped: () => this.leasing.forget(),
    });
    this.leasing = new Leasing({
      ledger: this.ledger,
      escrows: new EscrowStore(world.store),
      budgetOf: (_pod, id) => (id === world.budget.id ? world.budget : undefined),
      term: () => this.term,
      lives: (uid) => world.lives(uid),
      monotonic: time.monotonic,
      wall: time.wall,
      onProblem: () => {},
    });
  }

  async open(): Promise<void> {
    await this.ledger.open();
    await this.leasing.open().catch(() => {});
  }

  /** As every few seconds. */
  async tick(): Promise<void> {
    await this.ledger.flush();
    if (this.term === undefined) return;
    if (this.leasing.isOpen) await this.leasing.tick();
    else if (this.ledger.isRead) await this.leasing.open().catch(() => {});
  }
}

/** A row that says nothing but what it cost, and whom. */
export const rowFor = (at: number, cost: bigint, charges: Row['charges'] & object): Row => ({
  type: 'Attempt',
  request: 'r',
  attempt: 0,
  at,
  operation: 'chat',
  route: 'shop/assistant',
  rule: 'main',
  target: 't',
  provider: 'provider/shop/main',
  model: 'm',
  kind: 'First',
  outcome: 'Ok',
  source: 'Provider',
  usage: { input: 0, cacheRead: 0, audioInput: 0, output: 0, reasoning: 0, audioOutput: 0 },
  costNanoUsd: cost.toString(),
  charges,
});

/** One process of a sidecar: the account, the rows and the messages are the real ones, the requests are made up. */
export class Process {
  readonly uid: string;
  readonly epoch: string;
  readonly account: BudgetAccount;
  /** What its requests really cost, whether anybody heard of it or not. */
  spent = 0n;
  #term = -1;
  readonly #world: World;
  readonly #entries = new Entries();
  readonly #entry: Entry;
  readonly #spool = new RowSpool();

  constructor(world: World, uid: string, epoch: string, key = '') {
    this.#world = world;
    this.uid = uid;
    this.epoch = epoch;
    this.#entry = this.#entries.of(world.budget, key, world.time.now);
    this.account = this.#entry.account;
  }

  /** One request: true when it was let through. */
  request(reserve: bigint, cost: bigint): boolean {
    const { now } = this.#world.time;
    if (this.account.reserve(reserve, now) !== 'Reserved') return false;
    this.finish(reserve, cost, this.account.window as number);
    return true;
  }

  finish(reserved: bigint, cost: bigint, window: number): void {
    const { time } = this.#world;
    this.spent += cost;
    this.account.settle(reserved, cost, window, time.now);
    const charges = this.#entry.only(time.now, time.wall);
    const own = charges[0]?.window === window ? charges : charges.map((charge) => ({ ...charge, window }));
    this.#spool.append(rowFor(time.wall(), cost, own));
  }

  /** What is posted: the rows that are not acknowledged, and what is needed. */
  compose(limit = 1000): { rows: unknown[]; demands: BudgetDemand[]; sentAt: number } {
    const rows = this.#spool.pending(limit);
    const { now } = this.#world.time;
    const demands = this.#entries.demands(rows, new Map(), now);
    const wire = JSON.stringify({ rows, demands });
    return { ...(JSON.parse(wire) as { rows: unknown[]; demands: BudgetDemand[] }), sentAt: now };
  }

  /** One report. `fate`: whether the request or its answer is lost on the way. */
  async report(replica: Replica, fate: 'Ok' | 'Request' | 'Answer' = 'Ok', limit = 1000): Promise<void> {
    const { rows, demands, sentAt } = this.compose(limit);
    if (fate === 'Request' || replica.term === undefined) return;
    const pod = { uid: this.uid, namespace: 'shop' };
    const acknowledgedSeq = replica.ledger.accept(pod, this.epoch, rows);
    const leases = await replica.leasing.answer(pod, this.epoch, readDemands(demands));
    if (fate === 'Answer') return;
    const answer = readAnswer(JSON.parse(JSON.stringify({ nextReportIn: 1000, acknowledgedSeq, leases })));
    this.#spool.acknowledge(answer.acknowledgedSeq, (charges, cost) => {
      for (const charge of charges) entryOf(charge)?.account.noteAcknowledged(cost, charge.window);
    });
    for (const lease of answer.leases ?? []) {
      if (lease.term < this.#term) continue;
      this.#term = lease.term;
      this.#entry.take(lease, sentAt, this.#world.time.now);
    }
  }
}

export class World {
  readonly time = new Time();
  readonly store = new MemoryStore();
  budget: BudgetBody;
  processes: Process[] = [];
  /** Everything that was ever spent, by processes that are gone as well. */
  gone = 0n;
  #term = 0;
  #epochs = 0;
  leader!: Replica;

  constructor(over: Partial<BudgetBody> = {}) {
    this.budget = budgetOf(over);
  }

  get spent(): bigint {
    return this.processes.reduce((sum, { spent }) => sum + spent, this.gone);
  }

  lives(uid: string): boolean {
    return this.processes.some((process) => process.uid === uid);
  }

  add(uid: string, key = ''): Process {
    const process = new Process(this, uid, `e${++this.#epochs}`, key);
    this.processes.push(process);
    return process;
  }

  /** It dies with its node: what it did not report nobody will ever hear of. */
  kill(process: Process): void {
    this.gone += process.spent;
    this.processes = this.processes.filter((one) => one !== process);
  }

  async elect(): Promise<Replica> {
    this.leader = new Replica(this, ++this.#term);
    await this.leader.open();
    return this.leader;
  }
}
