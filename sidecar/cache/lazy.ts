/** The cache as the pipeline knows it: nothing of it is loaded before a configuration has a rule that keeps answers. */
import type { Ask } from '../internal/asker.ts';
import type { CanarySteps } from '../routing/experiment/canary-steps.ts';
import type { RoutingTable } from '../routing/table.ts';
import type { Clock } from '../snapshot/clock.ts';
import type { Asked } from './asked.ts';
import type { AnswerCache } from './cache.ts';
import type { Tenant } from './identity.ts';
import type { SharedAnswers } from './shared/shared.ts';

export interface CacheOptions {
  /** Bytes for all answers. Unset: 32 MiB. */
  maxBytes?: number;
  /** A store to share answers through. Unset: none. */
  shared?: { url: string; ca?: string | undefined };
}

export interface LazyCacheParts extends CacheOptions {
  /** Who this pod is to others that share a store. Unset: nobody in particular. */
  tenant?: Tenant | undefined;
  clock: Clock;
  ask: Ask;
  canaries: Pick<CanarySteps, 'percent'>;
  /** Counts a request that is not asked for against the limits of its rule; throws what refuses it. */
  admit?: (asked: Asked) => void;
  warn: (message: string) => void;
}

const DEFAULT_BYTES = 32 * 1024 * 1024;
const NOBODY: Tenant = { namespace: '', workload: '' };

export class LazyCache {
  readonly #parts: LazyCacheParts;
  #loading: Promise<AnswerCache | undefined> | undefined;
  #cache: AnswerCache | undefined;
  #shared: SharedAnswers | undefined;
  #table: RoutingTable | undefined;
  #stopped = false;

  constructor(parts: LazyCacheParts) {
    this.#parts = parts;
  }

  get usedBytes(): number {
    return this.#cache?.store.usedBytes ?? 0;
  }

  get entries(): number {
    return this.#cache?.store.entries ?? 0;
  }

  get maxBytes(): number {
    return this.#parts.maxBytes ?? DEFAULT_BYTES;
  }

  /** Another configuration runs. */
  apply(table: RoutingTable): void {
    this.#table = table;
    if (this.#cache) this.#cache.apply(table);
    else if (table.routes.some(({ rules }) => rules.some(({ body }) => body.cache))) void this.#load();
  }

  async serve(asked: Asked): Promise<void> {
    const cache = this.#cache ?? (await this.#load());
    await (cache ? cache.serve(asked) : asked.send());
  }

  stop(): void {
    this.#stopped = true;
    this.#shared?.close();
  }

  #load(): Promise<AnswerCache | undefined> {
    this.#loading ??= this.#loaded();
    return this.#loading;
  }

  async #loaded(): Promise<AnswerCache | undefined> {
    const { warn } = this.#parts;
    try {
      const [{ AnswerCache: Cache }, { SemanticAnswers }] = await Promise.all([
        import('./cache.ts'),
        import('./semantic/semantic.ts'),
      ]);
      const { clock, canaries, ask, admit, tenant = NOBODY } = this.#parts;
      this.#shared = await this.#connect();
      this.#cache = new Cache({
        clock,
        canaries,
        tenant,
        maxBytes: this.maxBytes,
        shared: this.#shared,
        semantic: (store) => new SemanticAnswers(ask, store),
        ...(admit && { admit }),
      });
      if (this.#table) this.#cache.apply(this.#table);
    } catch (error) {
      warn(`the cache could not be set up, and answers nothing: ${String(error)}`);
    }
    return this.#cache;
  }

  async #connect(): Promise<SharedAnswers | undefined> {
    const { shared, clock, warn } = this.#parts;
    if (!shared || this.#stopped) return undefined;
    try {
      const [{ SharedAnswers: Shared }, { connect }] = await Promise.all([
        import('./shared/shared.ts'),
        import('./shared/connection.ts'),
      ]);
      let last = '';
      const onError = (code: string): void => {
        // A store that is down fails every few seconds in the same way.
        if (code !== last) warn(`the shared cache cannot be reached: ${code}`);
        last = code;
      };
      return new Shared({ clock, warn, connection: connect({ ...shared, onError }) });
    } catch (error) {
      const why = error instanceof Error ? error.name : 'unknown';
      warn(`the shared cache could not be set up, and answers are kept in this process alone: ${why}`);
      return undefined;
    }
  }
}
