/**
 * Keeps a local copy of one list of objects equal to the API server's, for as long as the process lives.
 *
 * It starts with one stream that sends what exists and then what changes (WatchList), or, where the server knows no such
 * thing, with a paged list followed by a watch. Whatever ends a stream, the next one continues from the last version seen;
 * only an expired version (410) makes it read everything again, and then only differences are reported. Nothing that a
 * server or a network does stops it; only `stop` does.
 */
import type { KubeObject } from '../../crds/common.ts';
import { type Backoff, jittered } from '../../sidecar/snapshot/backoff.ts';
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import { Pause } from '../../sidecar/snapshot/pause.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';
import { InitialEvents, isInitialEnd } from './initial-events.ts';
import { listPages } from './list-pages.ts';
import { describeError, type Log } from './log.ts';
import { type Change, keyOf, Store } from './store.ts';
import { readEvents, type WatchEnd, type WatchEvent } from './watch-events.ts';
import { Expired, Malformed, problemOf, versionOf } from './watch-problems.ts';

/** What an operator of the operator wants to know about its watches. */
export interface WatchObserver {
  /** A stream ended, or could not be opened; `cause` is a WatchEnd, `Expired`, or `Http<status>`. */
  restarted(resource: string, cause: string): void;
  /** Everything is read again. */
  relisted(resource: string): void;
}

/** What every watch needs, whatever it watches. */
export interface WatchMeans {
  client: ApiClient;
  clock: Clock;
  random: () => number;
  log: Log;
  observer: WatchObserver;
}

export interface ReflectorOptions<T extends KubeObject> extends WatchMeans {
  /** Plural name of the resource; names it in metrics and log lines. */
  resource: string;
  apiVersion: string;
  kind: string;
  /** Path of the collection, such as /api/v1/namespaces/shop/secrets. */
  path: string;
  labelSelector?: string;
  fieldSelector?: string;
  /**
   * Keeps what is needed of an object; managedFields are gone already. `before` is what was kept of the version before, whose
   * parts may be kept on where they are the same. Throwing counts as a malformed object.
   */
  project(object: KubeObject, before: T | undefined): T;
  /** Called after the copy has changed. */
  onChange(change: Change<T>): void;
  backoff?: Backoff;
}

/** A few replicas asking every few seconds are no load; what changed in an outage must not wait for long after it. */
const DEFAULT_BACKOFF: Backoff = { baseMs: 200, maxMs: 5_000 };
/** A stream that lived this long was a good one; the next failure starts a new series. */
const HEALTHY_MS = 10_000;
/** The server ends a watch after its own limit; silence beyond that limit by this much means it is not there any more. */
const IDLE_GRACE_MS = 30_000;
/** Servers send bookmarks about once a minute. A stream that had one and then falls silent this long is dead. */
const BOOKMARK_SILENCE_MS = 180_000;
/** Answers that say nothing about the version that was asked for: identity, rights, load. */
const NOT_ABOUT_VERSIONS = new Set([401, 403, 429, 503]);
/** Silence before the end of the initial events after which the server is taken not to know them. */
const INITIAL_SILENCE_MS = 30_000;

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #store = new Store<T>();
  readonly #abort = new AbortController();
  readonly #pause: Pause;
  readonly synced: Promise<void>;
  #markSynced: () => void = () => {};
  #hasSynced = false;
  #resourceVersion: string | undefined;
  /** Unknown servers are tried once; one that cannot is not asked again. */
  #watchList = true;
  #failures = 0;
  /** Version from which the stream could not go on. */
  #distrusted: string | undefined;
  #lastEventAt: number | undefined;
  #lastError: string | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#pause = new Pause(options.clock);
    this.synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  /** Whether the copy has been complete once; from then on it is only ever behind, never partial. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get resource(): string {
    return this.#options.resource;
  }

  get path(): string {
    return this.#options.path;
  }

  get size(): number {
    return this.#store.size;
  }

  /** Monotonic time of the last sign of the server (event, bookmark or list); undefined before the first. */
  get lastEventAt(): number | undefined {
    return this.#lastEventAt;
  }

  /** Why it is not watching at this moment; undefined while it is. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  values(): IterableIterator<T> {
    return this.#store.values();
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#pause.end();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, log, observer, random, resource, path, backoff = DEFAULT_BACKOFF } = this.#options;
    const signal = this.#abort.signal;
    while (!signal.aborted) {
      const began = clock.monotonic();
      let atLeast = 0;
      let cause: string;
      try {
        cause = await this.#session();
        if (cause === 'Malformed') this.#distrust();
      } catch (error) {
        if (signal.aborted) return;
        cause = this.#causeOf(error);
        atLeast = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
        this.#lastError = describeError(error);
        log.warn({ resource, path, cause, error: this.#lastError }, 'watch interrupted; it will be resumed');
      }
      if (signal.aborted) return;
      observer.restarted(resource, cause);
      // A stream that merely opens proves nothing: a server that drops every stream at once must not be hammered.
      if (clock.monotonic() - began >= HEALTHY_MS) this.#failures = 0;
      else this.#failures += 1;
      const wait = this.#failures === 0 ? 0 : jittered(backoff, this.#failures, random());
      await this.#pause.wait(Math.max(wait, atLeast));
    }
  }

  #causeOf(error: unknown): string {
    if (error instanceof Expired || (error instanceof ApiError && error.status === 410)) {
      this.#resourceVersion = undefined;
      return 'Expired';
    }
    if (error instanceof Malformed) {
      this.#distrust();
      return 'Malformed';
    }
    if (!(error instanceof ApiError)) return 'Broken';
    if (!NOT_ABOUT_VERSIONS.has(error.status)) this.#distrust();
    return `Http${error.status}`;
  }

  /**
   * The stream could not go on from the version we hold: an event that cannot be read is a change we miss, and a server whose
   * data were restored from a backup does not know the version yet. It is asked once more; if that fails too, only reading
   * everything tells what changed.
   */
  #distrust(): void {
    if (this.#distrusted === this.#resourceVersion) this.#resourceVersion = undefined;
    this.#distrusted = this.#resourceVersion;
  }

  /** One connection, preceded by a list where one is needed. */
  async #session(): Promise<WatchEnd> {
    if (this.#resourceVersion !== undefined) return this.#watch();
    if (this.#hasSynced) this.#options.observer.relisted(this.#options.resource);
    if (this.#watchList) {
      try {
        return await this.#watchInitial();
      } catch (error) {
        const unknown = error instanceof ApiError && (error.status === 400 || error.status === 422);
        if (!unknown) throw error;
        this.#watchList = false;
      }
    }
    await this.#list();
    return this.#watch();
  }

  #query(extra: Record<string, string | number | boolean | undefined>) {
    const { labelSelector, fieldSelector } = this.#options;
    return { labelSelector, fieldSelector, ...extra };
  }

  async #list(): Promise<void> {
    const { client, path, apiVersion, kind } = this.#options;
    const { items, resourceVersion } = await listPages(client, {
      path,
      query: this.#query({}),
      signal: this.#abort.signal,
    });
    // Items of a list come without the kind they all share.
    this.#replace(
      items.map((item) => this.#accept({ ...item, apiVersion, kind })),
      resourceVersion,
    );
  }

  async #watchInitial(): Promise<WatchEnd> {
    const initial = new InitialEvents((object) => this.#accept(object));
    const end = await this.#follow(
      { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' },
      (event) => {
        if (initial.complete) return this.#apply(event);
        const all = initial.take(event);
        if (all) this.#replace(all.objects, all.resourceVersion);
      },
      () => (initial.complete ? undefined : INITIAL_SILENCE_MS),
    );
    // A server that ignores the parameter streams changes and never says that the beginning is complete.
    if (!initial.complete && (end === 'Idle' || end === 'Closed')) this.#watchList = false;
    return end;
  }

  #watch(): Promise<WatchEnd> {
    return this.#follow(
      { resourceVersion: this.#resourceVersion },
      (event) => this.#apply(event),
      () => undefined,
    );
  }

  async #follow(
    query: Record<string, string | boolean | undefined>,
    onEvent: (event: WatchEvent) => void,
    shorterIdleMs: () => number | undefined,
  ): Promise<WatchEnd> {
    const { client, clock, path, random } = this.#options;
    const timeoutSeconds = 290 + Math.floor(random() * 301);
    const signal = this.#abort.signal;
    const response = await client.stream({
      path,
      query: this.#query({ watch: true, allowWatchBookmarks: true, timeoutSeconds, ...query }),
      signal,
    });
    this.#lastError = undefined;
    let bookmarks = false;
    return readEvents(response, {
      clock,
      signal,
      idleMs: () => {
        const usual = bookmarks ? BOOKMARK_SILENCE_MS : timeoutSeconds * 1000 + IDLE_GRACE_MS;
        return Math.min(usual, shorterIdleMs() ?? usual);
      },
      onEvent: (event) => {
        this.#lastEventAt = clock.monotonic();
        onEvent(event);
        if (event.type === 'BOOKMARK' && !isInitialEnd(event)) bookmarks = true;
      },
    });
  }

  #apply({ type, object }: WatchEvent): void {
    if (type === 'ERROR') throw problemOf(object);
    const resourceVersion = versionOf(object);
    if (type === 'ADDED' || type === 'MODIFIED') this.#notify(this.#store.set(this.#accept(object)));
    else if (type === 'DELETED') this.#notify(this.#store.delete(keyOf(object)));
    this.#resourceVersion = resourceVersion;
  }

  /** Trims what nobody reads: bookkeeping of other writers is most of an object's size. */
  #accept(object: KubeObject): T {
    // An object that a member is deleted of becomes a table, which is larger.
    const { managedFields: _, ...metadata } = object.metadata as KubeObject['metadata'] & {
      managedFields?: unknown;
    };
    if (typeof metadata.name !== 'string')
      throw new Malformed('the API server sent an object without a name');
    const trimmed = { ...object, metadata };
    return this.#options.project(trimmed, this.#store.get(keyOf(trimmed)));
  }

  #replace(objects: Iterable<T>, resourceVersion: string): void {
    const changes = this.#store.replace(objects);
    this.#resourceVersion = resourceVersion;
    this.#lastEventAt = this.#options.clock.monotonic();
    for (const change of changes) this.#notify(change);
    if (this.#hasSynced) return;
    this.#hasSynced = true;
    this.#markSynced();
  }

  #notify(change: Change<T> | undefined): void {
    if (!change) return;
    try {
      this.#options.onChange(change);
    } catch (error) {
      // A listener only marks keys as due; one that fails must not cost the others their watch.
      this.#options.log.error(
        { key: change.key, error: describeError(error) },
        'a listener of the watch failed',
      );
    }
  }
}
