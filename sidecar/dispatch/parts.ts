/** What all requests share. */
import type { AttemptObserver } from '../exchange.ts';
import type { MemoryBudget } from '../limits/memory-budget.ts';
import type { ParseBudget } from '../limits/parse-budget.ts';
import type { Clock } from '../snapshot/clock.ts';
import type { AttemptGate } from './attempt-gate.ts';
import type { WorkloadTokens } from './auth/workload-tokens.ts';
import type { Breakers } from './breakers.ts';
import type { Deadlines } from './deadlines.ts';
import type { Hedging } from './hedging/hedging.ts';
import type { KeyRing } from './keys.ts';
import type { FetchMedia } from './media.ts';
import type { PaceBook } from './pace/pace-book.ts';
import type { RetryBudgets } from './retry-budget.ts';
import type { SpendGate } from './spend-gate.ts';
import type { Upstreams } from './upstreams.ts';
import type { UsageMemory } from './usage-memory.ts';

export interface DispatchParts {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly upstreams: Upstreams;
  readonly breakers: Breakers;
  readonly keys: KeyRing;
  readonly workloads: WorkloadTokens;
  readonly usage: UsageMemory;
  readonly memory: MemoryBudget;
  /** For the parsing that translation takes. */
  readonly parse: ParseBudget;
  readonly fetchMedia: FetchMedia;
  /** Are told of every attempt. */
  readonly observers: readonly AttemptObserver[];
  /** Undefined: nothing is limited. */
  readonly gate: AttemptGate | undefined;
  /** Undefined: nothing is budgeted. */
  readonly spend: SpendGate | undefined;
  readonly pace: PaceBook;
  readonly hedging: Hedging;
  readonly retries: RetryBudgets;
  /** In [0, 1). */
  random(): number;
}
