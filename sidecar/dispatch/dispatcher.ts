/** Runs plans. One per sidecar; everything a request needs of the process is gathered here. */
import { OutriderError } from '../../errors/table.ts';
import type { AttemptObserver, Dispatch, Exchange } from '../exchange.ts';
import type { MemoryBudget } from '../limits/memory-budget.ts';
import { ParseBudget } from '../limits/parse-budget.ts';
import { type Clock, systemClock } from '../snapshot/clock.ts';
import type { EffectiveSnapshot } from '../snapshot/effective.ts';
import type { ProviderBody } from '../snapshot/schema.ts';
import type { AttemptGate } from './attempt-gate.ts';
import { type Mint, WorkloadTokens } from './auth/workload-tokens.ts';
import { type BreakerEvent, Breakers } from './breakers.ts';
import { CallRates } from './call-rates.ts';
import { Deadlines } from './deadlines.ts';
import { Hedging } from './hedging/hedging.ts';
import { type CredentialSource, KeyRing } from './keys.ts';
import { type FetchMedia, mediaFetcher } from './media.ts';
import { PaceBook } from './pace/pace-book.ts';
import type { DispatchParts } from './parts.ts';
import { PassthroughRun } from './passthrough.ts';
import type { Settled } from './relay.ts';
import { RetryBudgets } from './retry-budget.ts';
import { Run } from './run.ts';
import type { SpendGate } from './spend-gate.ts';
import { Upstreams } from './upstreams.ts';
import { UsageMemory } from './usage-memory.ts';

export interface DispatcherOptions {
  readonly credentials: CredentialSource;
  readonly memory: MemoryBudget;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
  /** How late a timeout may be noticed, in milliseconds. */
  readonly tickMs?: number;
  readonly onBreaker?: (event: BreakerEvent) => void;
  readonly observers?: readonly AttemptObserver[];
  readonly gate?: AttemptGate;
  readonly spend?: SpendGate;
  /** Fetches what callers link to. */
  readonly fetchMedia?: FetchMedia;
  /** Gets tokens for the identity of the pod. */
  readonly mint?: Mint;
}

/** The code of clouds is loaded when the first credential asks for it. */
function ownTokens(clock: Clock): Mint {
  return async (request) => {
    const [{ mint }, { httpIO }] = await Promise.all([
      import('../tokens/mint.ts'),
      import('../tokens/http-io.ts'),
    ]);
    return mint(request, httpIO({ now: () => clock.wall() }));
  };
}

export class Dispatcher implements Dispatch {
  /** What routing may know of health. */
  readonly health: Breakers;
  /** For what dispatches in other ways, such as sockets. */
  readonly parts: DispatchParts;
  readonly #rates = new CallRates((candidate, why, now) => this.health.trip(candidate, why, now));

  constructor(options: DispatcherOptions) {
    const { credentials, memory, onBreaker } = options;
    const clock = options.clock ?? systemClock;
    const deadlines = new Deadlines(clock, options.tickMs);
    const pace = new PaceBook();
    const { gate, spend } = options;
    this.health = new Breakers({ credentials, ...(onBreaker ? { onEvent: onBreaker } : {}) });
    this.parts = {
      clock,
      deadlines,
      upstreams: new Upstreams(() => clock.monotonic()),
      breakers: this.health,
      keys: new KeyRing(credentials),
      workloads: new WorkloadTokens(options.mint ?? ownTokens(clock), clock),
      usage: new UsageMemory(),
      memory,
      parse: new ParseBudget(() => clock.monotonic()),
      fetchMedia: options.fetchMedia ?? mediaFetcher(),
      observers: [...(options.observers ?? []), pace, this.#rates],
      gate,
      spend,
      pace,
      hedging: new Hedging({ deadlines, pace, gate, spend }),
      retries: new RetryBudgets(),
      random: options.random ?? Math.random,
    };
  }

  run(exchange: Exchange): Promise<void> {
    return new Promise((resolve, reject) => {
      const { plan } = exchange;
      if (!plan) {
        reject(new OutriderError('internal_error', { id: exchange.id }));
        return;
      }
      const settled: Settled = { resolve, reject };
      const read = exchange.envelope !== undefined;
      (read
        ? new Run(this.parts, exchange, plan, settled)
        : new PassthroughRun(this.parts, exchange, plan, settled)
      ).start();
    });
  }

  /** A new configuration runs: prepares for its providers and forgets what is gone. Running requests are not disturbed. */
  apply(snapshot: EffectiveSnapshot): void {
    const providers: [string, ProviderBody][] = [];
    const credentials = new Set<string>();
    for (const { id, body } of snapshot.providers.values()) {
      if (!body) continue;
      providers.push([id, body]);
      for (const credential of body.credentials) credentials.add(credential.id);
    }
    this.parts.upstreams.apply(providers);
    const ids = new Set(providers.map(([id]) => id));
    this.parts.breakers.retain(ids);
    this.parts.pace.retain(ids);
    this.#rates.retain(ids);
    this.parts.keys.retain(credentials);
    this.parts.workloads.retain(credentials);
    this.parts.usage.clear();
  }

  /** Closes idle connections and the timer; for the end of the process, when no request runs. */
  close(): void {
    this.parts.upstreams.close();
    this.parts.deadlines.close();
  }
}
