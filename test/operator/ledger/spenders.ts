/**
 * Sidecars that spend one budget, on virtual time: requests, leases, waiting, reports and ledger are the real ones. Only the
 * network, the providers and the callers are made up.
 */
import { readDemands } from '../../../operator/ledger/leases/read-demands.ts';
import { RowSpool } from '../../../sidecar/accounting/row-spool.ts';
import type { SpendRefusal } from '../../../sidecar/dispatch/spend-gate.ts';
import { isRefusal } from '../../../sidecar/dispatch/spend-gate.ts';
import type { Exchange } from '../../../sidecar/exchange.ts';
import { Budgets } from '../../../sidecar/limits/budgets/budgets.ts';
import type { SpendHold } from '../../../sidecar/limits/budgets/hold.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import type { EffectiveSnapshot } from '../../../sidecar/snapshot/effective.ts';
import type { Report } from '../../../sidecar/snapshot/messages.ts';
import { Reporter } from '../../../sidecar/snapshot/reporter.ts';
import type { BudgetBody } from '../../../sidecar/snapshot/shapes/budgets.ts';
import type { Answer, Transport } from '../../../sidecar/snapshot/transport.ts';
import { EventClock } from '../../simulator/event-clock.ts';
import { budgetOf, Replica, rowFor, type Surroundings, USD } from './fleet.ts';
import { MemoryStore } from './memory-store.ts';

const ROUND_TRIP_MS = 4;
const REPORT_MS = 10_000;
const NO_USAGE = { input: 0, cacheRead: 0, audioInput: 0, output: 0, reasoning: 0, audioOutput: 0 };
/** A token costs a cent, so a cap on the output says what is set aside. */
const CENTS = { input: 0, output: 1e10 };

const candidate = {
  index: 0,
  target: { name: 't', patch: { set: [], default: [], remove: [], headers: [] } },
  providerId: 'provider/shop/main',
  upstreamModel: 'm',
  model: {
    name: 'm',
    upstreamName: 'm',
    prices: CENTS,
    contextWindow: 1_000_000,
    maxOutputTokens: 1_000_000,
  },
} as unknown as Candidate;

/** What a budget looks at of a request that may say `cents` tokens. */
const exchangeOf = (cents: number): Exchange =>
  ({
    route: 'shop/assistant',
    dialect: { operation: 'chat' },
    facts: {
      inputTokens: 0,
      maxOutputTokens: cents,
      choices: 1,
      needs: 'Chat',
      pinned: false,
      header: () => '',
    },
    envelope: {
      serverTools: false,
      attachments: { images: 0, audio: 0, files: 0, bytes: 0 },
      roles: {},
      body: Buffer.alloc(0),
      tokenIds: 0,
    },
    plan: { rule: {} },
    attempts: [],
    warnings: [],
  }) as unknown as Exchange;

export interface Outcome {
  served: boolean;
  refusal?: SpendRefusal;
  waitedMs: number;
}

export class Spender {
  readonly uid: string;
  readonly epoch: string;
  readonly budgets: Budgets;
  readonly spool = new RowSpool();
  readonly #world: SpendingWorld;
  readonly #reporter: Reporter;
  /** Cut off from the operator. */
  isolated = false;
  spent = 0n;
  underWay = 0n;

  constructor(world: SpendingWorld, uid: string) {
    this.#world = world;
    this.uid = uid;
    this.epoch = `${uid}-1`;
    const { clock, budget } = world;
    this.budgets = new Budgets({
      clock,
      estimates: { inputTokens: (_, tokens) => tokens, outputReserve: () => Number.POSITIVE_INFINITY },
      pod: { namespace: 'shop', workload: 'web' },
    });
    const body = { namespace: 'shop', name: 'assistant', uid: 'u', rules: [], budgets: [budget] };
    this.budgets.apply({
      routes: [{ id: 'route/shop/assistant', body }],
    } as unknown as EffectiveSnapshot);
    this.#reporter = new Reporter({
      transport: {
        trustBundle: () => Promise.resolve(undefined),
        exchange: this.#exchange,
      } as unknown as Transport,
      acknowledgement: () => ({ hash: '', credentialsVersion: '', exceptions: [] }),
      epoch: this.epoch,
      proxyVersion: '1',
      features: [],
      rows: this.spool,
      leases: this.budgets,
      clock,
      random: () => 0.5,
      onProblem: () => {},
    });
    this.budgets.onNeed(() => this.#reporter.need());
    this.#reporter.notify();
  }

  /** One request, that sets `reserve` cents aside, costs `cost` and takes so long. */
  ask(reserve: number, cost = reserve, takesMs = 0): Promise<Outcome> {
    const { clock } = this.#world;
    const since = clock.monotonic();
    const exchange = exchangeOf(reserve);
    return new Promise((resolve) => {
      const waited = () => clock.monotonic() - since;
      const begin = (hold: SpendHold | undefined) => {
        resolve({ served: true, waitedMs: waited() });
        this.#run(exchange, hold as SpendHold, reserve, cost, takesMs);
      };
      const gaveUp = (refusal: SpendRefusal) => resolve({ served: false, refusal, waitedMs: waited() });
      const taken = this.budgets.take(candidate, exchange, since);
      if (!isRefusal(taken)) {
        begin(taken);
        return;
      }
      const again = (now: number) => {
        const next = this.budgets.take(candidate, exchange, now);
        if (isRefusal(next)) return next;
        begin(next);
        return undefined;
      };
      const waiter = { priority: 2, deadline: since + taken.waitMs, again, gaveUp };
      if (!this.budgets.wait(taken, waiter, since)) gaveUp(taken);
    });
  }

  #run(exchange: Exchange, spend: SpendHold, reserve: number, cost: number, takesMs: number): void {
    const { clock } = this.#world;
    const most = (BigInt(reserve) * USD) / 100n;
    this.underWay += most;
    const end = () => {
      const costNanoUsd = (BigInt(cost) * USD) / 100n;
      this.underWay -= most;
      this.spent += costNanoUsd;
      const settlement = { usage: NO_USAGE, source: 'Provider', costNanoUsd };
      Object.assign(exchange, { attempts: [{ spend, settlement }] });
      this.budgets.settle(exchange);
      this.spool.append(rowFor(clock.wall(), costNanoUsd, spend.charges));
    };
    if (takesMs === 0) end();
    else clock.after(takesMs, end);
  }

  readonly #exchange = ({ body }: { body?: string }): Promise<Answer> => {
    const world = this.#world;
    const { clock } = world;
    const replica = world.leader;
    return new Promise((resolve, reject) => {
      const lost = (): void => void clock.after(1000, () => reject(new Error('no answer')));
      if (this.isolated || replica.term === undefined) return lost();
      clock.after(ROUND_TRIP_MS / 2, () => {
        world.track(async () => {
          const { epoch, rows, demands } = JSON.parse(body ?? '') as Report;
          const pod = { uid: this.uid, namespace: 'shop' };
          const acknowledgedSeq = replica.ledger.accept(pod, epoch, rows);
          const leases = demands && (await replica.leasing.answer(pod, epoch, readDemands(demands)));
          world.reports++;
          const said = { nextReportIn: REPORT_MS, ledgerShard: 0, acknowledgedSeq, leases };
          const answer = { status: 200, headers: {}, body: Buffer.from(JSON.stringify(said)) } as Answer;
          clock.after(ROUND_TRIP_MS / 2, () => (this.isolated ? lost() : resolve(answer)));
        });
      });
    });
  };
}

export class SpendingWorld implements Surroundings {
  readonly clock = new EventClock();
  readonly store = new MemoryStore();
  readonly time = { wall: () => this.clock.wall(), monotonic: () => this.clock.monotonic() };
  budget: BudgetBody;
  readonly spenders: Spender[] = [];
  reports = 0;
  leader!: Replica;
  #term = 0;
  #busy = 0;

  constructor(over: Partial<BudgetBody> = {}) {
    this.budget = budgetOf(over);
  }

  static async of(pods: number, over: Partial<BudgetBody> = {}): Promise<SpendingWorld> {
    const world = new SpendingWorld(over);
    await world.elect();
    for (let i = 0; i < pods; i++) world.spenders.push(new Spender(world, `pod-${i}`));
    await world.pass(50);
    world.clock.every(5000, Number.MAX_SAFE_INTEGER, () => world.track(() => world.leader.tick()));
    return world;
  }

  get spent(): bigint {
    return this.spenders.reduce((sum, { spent }) => sum + spent, 0n);
  }

  get underWay(): bigint {
    return this.spenders.reduce((sum, { underWay }) => sum + underWay, 0n);
  }

  lives(uid: string): boolean {
    return this.spenders.some((one) => one.uid === uid);
  }

  async elect(): Promise<Replica> {
    const next = new Replica(this, ++this.#term);
    await next.open();
    return (this.leader = next);
  }

  track(work: () => Promise<unknown>): void {
    this.#busy++;
    void work().finally(() => this.#busy--);
  }

  /** Virtual time goes on, and whatever it brings comes to rest. */
  async pass(ms: number, stepMs = 2): Promise<void> {
    const end = this.clock.monotonic() + ms;
    while (this.clock.monotonic() < end) {
      this.clock.run(Math.min(end, this.clock.monotonic() + stepMs));
      do await new Promise((resolve) => setImmediate(resolve));
      while (this.#busy > 0);
    }
  }
}
