/**
 * Compiles whenever something changed that compile reads, and hands the result on.
 *
 * Changes come in bursts and are taken together. Where compiling or handing on fails, what was handed on before stays in
 * force, and it is tried again.
 */
import type { Clock } from '../sidecar/snapshot/clock.ts';
import { compile } from './compile/compile.ts';
import type { KnownVectors } from './compile/example-vectors.ts';
import { CompileMemory } from './compile/memory.ts';
import type { Tokens } from './compile/mints.ts';
import type { Compiled } from './compile/types.ts';
import { Debounce } from './watch/debounce.ts';
import type { Log } from './watch/log.ts';
import { type RunResult, WorkQueue } from './watch/queue.ts';
import type { Source } from './watch/source.ts';

export interface CompilingOptions {
  source: Source;
  clock: Clock;
  random: () => number;
  log: Log;
  platformNamespaces: readonly string[];
  /** Unset: all. */
  credentialsNamespaces?: readonly string[];
  /** Hosts that webhooks may be sent to; unset: that is not judged. */
  egressHosts?: readonly string[];
  /** What clouds gave, read with each compilation; unset: nothing. */
  tokens?: () => Tokens;
  /** Vectors of examples that are there, read with each compilation; unset: none. */
  vectors?: () => KnownVectors;
  /** Takes each result; throwing counts as a failure and is retried. */
  publish(compiled: Compiled): void;
  onRun?: (result: RunResult, milliseconds: number) => void;
}

export interface Compiling {
  /** Resolves when a result was published for the first time. */
  readonly done: Promise<void>;
  isDone(): boolean;
  readonly queue: Pick<WorkQueue, 'depth' | 'idle'>;
  /** Something changed that no resource says, such as a token. */
  again(): void;
  stop(): Promise<void>;
}

/** From the last change of a burst to compiling, and from the first one at most. */
const CHANGES = { quietMs: 20, maxMs: 200 };
const BACKOFF = { baseMs: 50, maxMs: 30_000 };
/** Prices of the catalogue may begin or end on a date. */
const RECOMPILE_MS = 3_600_000;
const EVERYTHING = 'everything';

export function startCompiling(options: CompilingOptions): Compiling {
  const { source, clock, random, log, platformNamespaces, credentialsNamespaces, onRun } = options;
  const { egressHosts } = options;
  const rights = {
    platformNamespaces,
    ...(credentialsNamespaces && { credentialsNamespaces }),
    ...(egressHosts && { egressHosts }),
  };
  const memory = new CompileMemory();
  let synced = false;
  let isDone = false;
  let markDone = () => {};
  const done = new Promise<void>((resolve) => {
    markDone = resolve;
  });
  const queue = new WorkQueue({
    name: 'compile',
    concurrency: 1,
    backoff: BACKOFF,
    clock,
    random,
    log,
    ...(onRun ? { observe: onRun } : {}),
    handle() {
      options.publish(
        compile(
          source.resources(),
          {
            ...rights,
            now: clock.wall(),
            ...(options.tokens && { tokens: options.tokens() }),
            ...(options.vectors && { vectors: options.vectors() }),
          },
          memory,
        ),
      );
      isDone = true;
      markDone();
      return RECOMPILE_MS;
    },
  });
  const changes = new Debounce(clock, CHANGES, () => queue.add(EVERYTHING));
  const unsubscribe = source.onChange(({ effect }) => {
    // What is not read yet would look deleted, and sidecars would drop it.
    if (synced && effect === 'Content') changes.signal();
  });
  void source.synced.then(() => {
    synced = true;
    queue.add(EVERYTHING);
    return undefined;
  });
  return {
    done,
    isDone: () => isDone,
    queue,
    again: () => {
      if (synced) changes.signal();
    },
    stop: async () => {
      unsubscribe();
      changes.cancel();
      await queue.stop();
    },
  };
}
