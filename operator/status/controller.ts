/**
 * Keeps the statuses of routes, providers and policies true: decides for each object that something was heard about, and writes what
 * `decide.ts` finds worth it. One object is handled by one run at a time; failures are retried by the queue.
 */
import type { LLMPolicy } from '../../crds/llmpolicy.ts';
import type { LLMProvider, LLMProviderStatus } from '../../crds/llmprovider.ts';
import type { LLMRoute, LLMRouteStatus } from '../../crds/llmroute.ts';
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { ItemId } from '../../sidecar/snapshot/schema.ts';
import type { Compiled, Verdict } from '../compile/types.ts';
import type { EventSink } from '../events.ts';
import type { ProxyRegistry } from '../sync/registry.ts';
import type { ApiClient } from '../watch/api-client.ts';
import { Debounce } from '../watch/debounce.ts';
import type { Log } from '../watch/log.ts';
import { type RunResult, WorkQueue } from '../watch/queue.ts';
import type { Source, SourceChange } from '../watch/source.ts';
import type { BudgetStatuses } from './budgets.ts';
import type { Finding } from './conditions.ts';
import { policyStatus, providerStatus, routeStatus, type StatusDecision } from './decide.ts';
import { experimentsOf } from './experiments.ts';
import { FleetView } from './fleet-view.ts';
import { healthEvent } from './health-events.ts';
import { DEFAULT_WAITS, type Waits } from './programmed.ts';
import { type News, ProxyNews } from './proxy-news.ts';
import { SnapshotHistory } from './snapshot-history.ts';
import { StoredStatuses } from './stored-statuses.ts';
import { writeStatus } from './writer.ts';

export interface StatusControllerOptions {
  source: Source;
  registry: ProxyRegistry;
  client: ApiClient;
  clock: Clock;
  random: () => number;
  log: Log;
  /** Only a leader writes. */
  isLeader: () => boolean;
  waits?: Waits;
  /** What pods say of a provider; undefined: nothing yet. */
  health?: (provider: ItemId) => Omit<Finding, 'type'> | undefined;
  /** What pods say of a route's experiments; undefined: nothing yet. */
  experiments?: (route: ItemId) => LLMRouteStatus['experiments'];
  /** What is spent of budgets of a route or policy; undefined: nothing is known yet. */
  budgets?: (owner: Pick<Verdict, 'kind' | 'namespace' | 'name'>) => BudgetStatuses | undefined;
  /** Is told what people should hear of besides the status. */
  events?: EventSink;
  onRun?: (result: RunResult, milliseconds: number) => void;
  onWrite?: (kind: Verdict['kind'], result: 'Written' | 'Gone' | 'Failed') => void;
}

/** Statuses written at the same time. The API server's own limits are far above, its patience with bursts is not. */
const CONCURRENCY = 8;
const BACKOFF = { baseMs: 100, maxMs: 60_000 };
const HEALTH_MS = 15_000;
const EXPERIMENTS_MS = 30_000;
/** Acknowledgements come in bursts, one per sidecar. */
const ACK_BURST = { quietMs: 20, maxMs: 200 };

export class StatusController {
  readonly #options: StatusControllerOptions;
  readonly #queue: WorkQueue;
  readonly #history = new SnapshotHistory();
  readonly #view: FleetView;
  readonly #stored: StoredStatuses;
  readonly #news: ProxyNews;
  /** Pods that something was heard of, and from where they took a step if it is no more than that. */
  readonly #heard = new Map<string, News['from']>();
  readonly #burst: Debounce;
  readonly #unsubscribe: (() => void)[];
  readonly #pendingSince = new Map<string, number>();
  #verdicts = new Map<string, Verdict>();
  #keys = new Map<ItemId, string>();
  #compiled: Compiled | undefined;
  #viewStale = false;
  #leaderSince: number | undefined;

  constructor(options: StatusControllerOptions) {
    this.#options = options;
    const { clock, random, log, registry, source, onRun } = options;
    this.#view = new FleetView(registry, clock, this.#history);
    this.#stored = new StoredStatuses(clock);
    this.#queue = new WorkQueue({
      name: 'status',
      handle: (key) => this.#reconcile(key),
      clock,
      random,
      log,
      concurrency: CONCURRENCY,
      backoff: BACKOFF,
      // Hundreds of statuses may be due at once; sidecars are answered in between.
      polite: true,
      ...(onRun ? { observe: onRun } : {}),
    });
    this.#burst = new Debounce(clock, ACK_BURST, () => this.#flush());
    this.#news = new ProxyNews(registry);
    this.#unsubscribe = [
      registry.onChange((uid) => {
        const news = this.#news.of(uid);
        if (news) this.#hear(uid, news.from);
      }),
      source.onChange((change) => this.#changed(change)),
    ];
  }

  get depth(): number {
    return this.#queue.depth;
  }

  /** Takes what was compiled last; its verdicts and snapshots are what statuses speak of from now on. */
  compiled(compiled: Compiled): void {
    this.#compiled = compiled;
    this.#viewStale = true;
    const before = this.#verdicts;
    this.#verdicts = new Map(compiled.verdicts.map((verdict) => [keyOf(verdict), verdict]));
    this.#keys = new Map(compiled.verdicts.map((verdict) => [verdict.itemId, keyOf(verdict)]));
    for (const key of before.keys()) if (!this.#verdicts.has(key)) this.#drop(key);
    for (const [key, verdict] of this.#verdicts) {
      if (JSON.stringify(verdict) !== JSON.stringify(before.get(key))) this.#queue.add(key);
    }
    this.#refreshView();
  }

  /** Something new was heard of how these providers do, of experiments of these routes, or of budgets. */
  heardOf(items: Iterable<ItemId>): void {
    this.#addItems(items);
  }

  /** Looks at everything again, as after a change of leadership. */
  resync(): void {
    for (const key of this.#verdicts.keys()) this.#queue.add(key);
  }

  /** Resolves when nothing is due; waits for later do not count. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#burst.cancel();
    await this.#queue.stop();
  }

  #hear(uid: string, from?: News['from']): void {
    // Of several steps the first one's start counts.
    this.#heard.set(uid, from && this.#heard.has(uid) ? this.#heard.get(uid) : from);
    this.#burst.signal();
  }

  #changed({ kind, key, uid }: SourceChange): void {
    if (kind === 'LLMRoute' || kind === 'LLMProvider' || kind === 'LLMPolicy') {
      // Someone else wrote the status, or our own write came back: either way it is compared again.
      const known = `${kind}/${key}`;
      if (this.#verdicts.has(known)) this.#queue.add(known);
    } else if (kind === 'Pod') {
      this.#viewStale = true;
      this.#hear(uid);
    }
  }

  #flush(): void {
    const affected = new Set<ItemId>();
    const collect = () => {
      for (const [uid, from] of this.#heard) for (const id of this.#view.itemsOf(uid, from)) affected.add(id);
    };
    // Before and after: a pod that went, or that is for other routes now, counts with both.
    collect();
    this.#refreshView();
    collect();
    this.#heard.clear();
    this.#addItems(affected);
  }

  #refreshView(): void {
    if (!this.#viewStale || !this.#compiled) return;
    this.#viewStale = false;
    this.#addItems(this.#view.rebuild(this.#compiled, this.#options.source.resources().pods));
  }

  #addItems(ids: Iterable<ItemId>): void {
    for (const id of ids) {
      const key = this.#keys.get(id);
      if (key) this.#queue.add(key);
    }
  }

  #drop(key: string): void {
    this.#queue.forget(key);
    this.#pendingSince.delete(key);
    this.#stored.forget(key);
  }

  async #reconcile(key: string): Promise<number | undefined> {
    const { clock, client, isLeader, onWrite, source, events } = this.#options;
    if (!isLeader()) {
      this.#leaderSince = undefined;
      return undefined;
    }
    this.#leaderSince ??= clock.monotonic();
    const verdict = this.#verdicts.get(key);
    const object = verdict && source.object(verdict.kind, `${verdict.namespace}/${verdict.name}`);
    // A copy newer than the verdict is about to be compiled, and comes back here with a verdict of its own.
    if (!object || object.metadata.uid !== verdict.uid) return undefined;
    if ((object.metadata.generation ?? 1) > verdict.generation) return undefined;
    const stored = this.#stored.current(key, object);
    const decision = this.#decide(key, verdict, stored.status, object);
    if (decision.pending) this.#pendingSince.set(key, this.#pendingSince.get(key) ?? clock.monotonic());
    else this.#pendingSince.delete(key);
    if (!decision.write) return decision.againInMs;
    let result: 'Written' | 'Gone' | 'Failed' = 'Failed';
    try {
      const written = await writeStatus(client, verdict, stored.resourceVersion, decision.status);
      result = written.state;
      if (written.state === 'Written') {
        this.#stored.wrote(key, object, decision.status, written.resourceVersion);
        const event =
          events && healthEvent(verdict, stored.status as LLMProviderStatus | undefined, decision.status);
        if (event) events.emit(event);
      }
    } finally {
      onWrite?.(verdict.kind, result);
    }
    return decision.againInMs;
  }

  #decide(
    key: string,
    verdict: Verdict,
    stored: unknown,
    object: LLMRoute | LLMProvider | LLMPolicy,
  ): StatusDecision<object> {
    this.#refreshView();
    const { clock, waits = DEFAULT_WAITS } = this.#options;
    const leaderSince = this.#leaderSince ?? clock.monotonic();
    const proxies = this.#view.factsOf(verdict.itemId, leaderSince);
    const now = clock.monotonic();
    const pendingSince = this.#pendingSince.get(key);
    const { followedAt } = this.#news;
    const facts = {
      now: clock.wall(),
      leaderForMs: now - leaderSince,
      pendingForMs: pendingSince === undefined ? undefined : now - pendingSince,
      followedMsAgo: followedAt === undefined ? undefined : now - followedAt,
      writtenMsAgo: this.#stored.writtenMsAgo(key),
    };
    const budgets = this.#options.budgets?.(verdict);
    if (verdict.kind === 'LLMPolicy') {
      return policyStatus(stored as LLMPolicy['status'], verdict, facts, budgets);
    }
    if (verdict.kind === 'LLMRoute') {
      const status = stored as LLMRoute['status'];
      const heard = this.#options.experiments?.(verdict.itemId);
      const experiments = experimentsOf((object as LLMRoute).spec, heard, status?.experiments);
      const decision = routeStatus(status, verdict, proxies, facts, waits, experiments, budgets);
      // Their numbers grow without anybody saying so.
      return experiments
        ? { ...decision, againInMs: Math.min(decision.againInMs ?? EXPERIMENTS_MS, EXPERIMENTS_MS) }
        : decision;
    }
    const health = this.#options.health?.(verdict.itemId);
    const decision = providerStatus(stored as LLMProvider['status'], verdict, proxies, facts, waits, health);
    // What pods say fades without anybody saying anything.
    return health
      ? { ...decision, againInMs: Math.min(decision.againInMs ?? HEALTH_MS, HEALTH_MS) }
      : decision;
  }
}

function keyOf({ kind, namespace, name }: Verdict): string {
  return `${kind}/${namespace}/${name}`;
}
