/** Sidecars and replicas of the operator on virtual time: what each knows, what gets lost between them, and who dies. */
import { EscrowStore } from '../../../operator/ledger/leases/escrow-store.ts';
import { Leasing } from '../../../operator/ledger/leases/leasing.ts';
import { Ledger } from '../../../operator/ledger/ledger.ts';
import { BudgetAccount } from '../../../sidecar/limits/budgets/account.ts';
import type { BudgetDemand } from '../../../sidecar/snapshot/lease-messages.ts';
import type { BudgetBody } from '../../../sidecar/snapshot/shapes/budgets.ts';
import { MemoryStore } from './memory-store.ts';

const START = Date.parse('2026-11-20T12:00:00Z');
export const USD = 1_000_000_000n;

const budget = (over: Partial<BudgetBody> = {}): BudgetBody => ({
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

interface SentRow {
  type: 'Attempt';
  seq: number;
  at: number;
  route: string;
  outcome: string;
  source: string;
  usage: object;
  costNanoUsd: string;
  charges: { budget: string; key: string; window: number }[];
}

/** A replica of the operator, believing to lead in `term` until told otherwise. */
export class Replica {
  readonly ledger: Ledger;
  readonly leasing: Leasing;
  term: number | undefined;

  constructor(world: World, term: number) {
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

/** One process of a sidecar. */
export class Process {
  readonly uid: string;
  readonly epoch: string;
  readonly account: BudgetAccount;
  rows: SentRow[] = [];
  /** What its requests really cost, whether anybody heard of it or not. */
  spent = 0n;
  #seq = 0;
  #term = -1;
  readonly #world: World;

  constructor(world: World, uid: string, epoch: string, key = '') {
    this.#world = world;
    this.uid = uid;
    this.epoch = epoch;
    this.account = new BudgetAccount(world.budget.id, key, world.time.now);
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
    this.rows.push({
      type: 'Attempt',
      seq: ++this.#seq,
      at: time.wall(),
      route: 'shop/assistant',
      outcome: 'Ok',
      source: 'Provider',
      usage: {},
      costNanoUsd: cost.toString(),
      charges: [{ budget: this.account.budget, key: this.account.chargedKey, window }],
    });
  }

  /** What is posted: the rows that are not acknowledged, and what is needed. */
  compose(limit = 1000): { rows: SentRow[]; demands: BudgetDemand[]; sentAt: number } {
    const rows = this.rows.slice(0, limit);
    const { now } = this.#world.time;
    return {
      rows: structuredClone(rows),
      demands: [this.account.demand(now, this.#costOf(rows))],
      sentAt: now,
    };
  }

  #costOf(rows: readonly SentRow[]): bigint {
    let sum = 0n;
    for (const { costNanoUsd, charges } of rows) {
      if (charges.some(({ window }) => window === this.account.window)) sum += BigInt(costNanoUsd);
    }
    return sum;
  }

  /** One report. `fate`: whether the request or its answer is lost on the way. */
  async report(replica: Replica, fate: 'Ok' | 'Request' | 'Answer' = 'Ok', limit = 1000): Promise<void> {
    const { rows, demands, sentAt } = this.compose(limit);
    if (fate === 'Request' || replica.term === undefined) return;
    const pod = { uid: this.uid, namespace: 'shop' };
    const safe = replica.ledger.accept(pod, this.epoch, rows);
    const leases = await replica.leasing.answer(pod, this.epoch, demands);
    if (fate === 'Answer') return;
    for (const { seq, costNanoUsd, charges } of this.rows) {
      if (seq <= safe)
        for (const { window } of charges) this.account.noteAcknowledged(BigInt(costNanoUsd), window);
    }
    this.rows = this.rows.filter(({ seq }) => seq > safe);
    for (const lease of leases) {
      if (lease.term < this.#term) continue;
      this.#term = lease.term;
      this.account.take(lease, sentAt, this.#world.time.now);
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
    this.budget = budget(over);
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
