/** Puts the data plane together: configuration in, two ports out. */
import { LearnedUsage } from './accounting/learned-usage.ts';
import type { RowSink } from './accounting/rows.ts';
import type { SpoolPlace } from './batch/media/place.ts';
import { RunningLater } from './batch/running.ts';
import { type CacheOptions, LazyCache } from './cache/lazy.ts';
import { ContextDoor } from './context/door.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { WebSocketRelay } from './dispatch/websocket.ts';
import { RunningExperiments } from './experiments/running.ts';
import { FeedbackDesk } from './feedback/desk.ts';
import { Asker } from './internal/asker.ts';
import { Admission } from './limits/admission/admission.ts';
import { Budgets } from './limits/budgets/budgets.ts';
import type { PodIdentity } from './limits/budgets/keys.ts';
import { LocalLessor } from './limits/budgets/local-lessor.ts';
import { Limits } from './limits/limits.ts';
import { DEFAULT_MEMORY_LIMIT, MemoryBudget } from './limits/memory-budget.ts';
import { FleetRates } from './limits/rates/fleet-rates.ts';
import { RateLimits } from './limits/rates/rates.ts';
import { RunningOutlook } from './outlook.ts';
import { Pipeline } from './pipeline.ts';
import type { RecordingParts } from './recording.ts';
import { learnTogether } from './routing/learning/fleet.ts';
import { Learner } from './routing/learning/learner.ts';
import { routingState } from './routing/state.ts';
import { Admin } from './server/admin.ts';
import { drainListener } from './server/drain.ts';
import { Gate, type GateOptions } from './server/gate.ts';
import { Listener, type ListenerAddress } from './server/listener.ts';
import { readiness, type StartupMode } from './server/readiness.ts';
import { ServedConfig } from './server/served-config.ts';
import { shownSnapshot } from './server/shown-snapshot.ts';
import { LazyModels } from './signals/models/lazy.ts';
import { systemClock } from './snapshot/clock.ts';
import { CredentialStore } from './snapshot/credentials.ts';
import { FleetLink } from './snapshot/fleet/link.ts';
import { ConfigHolder } from './snapshot/holder.ts';
import type { ConfigSource } from './snapshot/source.ts';
import type { TelemetryGauges } from './telemetry/create.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

export interface SidecarOptions {
  /** Where apps call; a loopback address. */
  listen: ListenerAddress;
  /** Where probes and scrapers call. */
  admin: ListenerAddress;
  source: ConfigSource;
  /** Who may call: further hosts, origins of web pages, the token apps must present. */
  access?: Pick<GateOptions, 'hosts' | 'origins' | 'token'>;
  limits?: SidecarLimits;
  /** Of rules that keep answers. */
  cache?: CacheOptions;
  startup?: StartupMode;
  /** Where this pod is, in the words that providers use for their regions; unset: not known. */
  region?: string;
  /** Whose pod it is, for budgets that tell namespaces and workloads apart; unset: both are empty. */
  pod?: PodIdentity | undefined;
  /** Where batches and answers for later are kept; unset: such requests are refused. */
  spool?: SpoolPlace & { maxBytes?: number };
  /** Where settled rows go; unset: nowhere. */
  rows?: RowSink;
  /** Unset: nothing is counted, logged or traced. */
  telemetry?: (gauges: TelemetryGauges) => Promise<Telemetry>;
  /** Sentences for the process log. */
  warn?: (message: string) => void;
  /** In [0, 1). */
  random?: () => number;
}

export interface SidecarLimits {
  /** Largest request body that is read, in bytes. */
  bodyBytes?: number;
  /** Everything held for requests, in bytes. */
  memoryBytes?: number;
  /** Bytes of the user's words that the access log shows of each request; 0: none. */
  logContentBytes?: number;
  /** How long open responses may go on at the end, in milliseconds. */
  drainMs?: number;
}

export interface Sidecar {
  readonly port: number;
  readonly adminPort: number;
  readonly holder: ConfigHolder;
  readonly memory: MemoryBudget;
  /** Stops accepting, lets open responses finish up to the limit, hands in what is counted, and closes. */
  drain(): Promise<void>;
  /** The same without waiting for anybody. */
  close(): Promise<void>;
}

const BODY_BYTES = 16 * 1024 * 1024;
const DRAIN_MS = 20_000;
const SPOOL_BYTES = 1024 ** 3;
const FLUSH_MS = 3_000;

/** What a breaker has become, by what happened to it. */
const BREAKER_STATES = { Ejected: 'Open', Probing: 'HalfOpen', Recovered: 'Closed' } as const;

/** Resolves when both ports listen and what can be had of the configuration without waiting is in. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { source, limits = {}, warn = () => {}, random = Math.random } = options;
  const started = performance.now();
  const maxBodyBytes = limits.bodyBytes ?? BODY_BYTES;
  const memory = new MemoryBudget(limits.memoryBytes ?? DEFAULT_MEMORY_LIMIT);
  const credentials = new CredentialStore();
  const fleet = new FleetLink(warn);
  const holder = new ConfigHolder({
    credentials,
    onListenerError: (error) => warn(`a new configuration was not taken up: ${String(error)}`),
  });
  let telemetry: Telemetry | undefined;
  const learned = new LearnedUsage();
  const ceilings = new Limits({
    now: () => performance.now(),
    wall: () => Date.now(),
    estimates: learned,
  });
  const budgets = new Budgets({
    clock: systemClock,
    estimates: learned,
    pod: options.pod ?? { namespace: '', workload: '' },
    lessor: source.lease ? undefined : new LocalLessor(() => Date.now()),
  });
  const sharedRates = new FleetRates({ clock: systemClock, shared: source.share !== undefined });
  const rates = new RateLimits({
    now: () => performance.now(),
    wall: () => Date.now(),
    workload: options.pod?.workload ?? '',
    outputReserve: (model) => learned.outputReserve(model),
    fleet: sharedRates,
    onShort: () => sharedRates.urgent(),
  });
  sharedRates.serve(ceilings, rates);
  ceilings.onShort(() => sharedRates.shortOfShares());
  const outlook = new RunningOutlook({
    fleet: source.join && fleet,
    region: options.region,
    clock: systemClock,
    headroom: (provider, model) => ceilings.percentLeft(provider, model, performance.now()),
    random,
    warn,
    onTrend: (provider, model, worsens) => worsens && telemetry?.noticed(provider, model, 'Worsening'),
    onProbe: (provider, state) => telemetry?.noticed(provider, '', `Probed${state}`),
  });
  const state = { ...routingState(ceilings), outlook: outlook.view, spend: budgets, rates };
  const experiments = new RunningExperiments({
    state,
    now: () => performance.now(),
    fleet: source.join && fleet,
    warn,
  });
  const dispatcher = new Dispatcher({
    credentials,
    memory,
    random,
    gate: ceilings,
    spend: budgets,
    observers: [ceilings, budgets, state.observed, outlook.observer, experiments.attempts],
    onBreaker: (event) => {
      if (event.kind === 'Ejected') telemetry?.ejected(event.providerId, event.scope);
      telemetry?.breakerMoved(event.providerId, event.scope, BREAKER_STATES[event.kind]);
      if (event.kind !== 'Probing') outlook.breaker(event);
    },
  });
  const sockets = new WebSocketRelay(dispatcher.parts);
  const config = new ServedConfig();
  const admission = new Admission({
    clock: dispatcher.parts.clock,
    limits: ceilings,
    rates,
    maxBytes: memory.limit / 2,
  });
  const learner = new Learner(state);
  if (source.join) learnTogether(fleet, state, () => performance.now());
  const feedback = new FeedbackDesk(
    [learner, experiments.feedback, { scored: (said) => telemetry?.scored(said) }],
    () => performance.now(),
  );
  const recording: RecordingParts = {
    observers: [
      ceilings,
      rates,
      state.observed,
      learner,
      feedback.answers,
      experiments.exchanges,
      dispatcher.parts.hedging,
    ],
    rows: options.rows ?? { append() {} },
    spend: budgets,
    telemetry: { record: (exchange) => telemetry?.record(exchange) },
    warn,
  };
  const { clock } = dispatcher.parts;
  const { health } = dispatcher;
  const asker = new Asker({
    ...recording,
    memory,
    learned,
    health,
    state,
    dispatch: dispatcher,
    clock,
    random,
  });
  const models = new LazyModels({ ask: asker.ask, clock });
  const cache = new LazyCache({
    ...options.cache,
    tenant: options.pod,
    clock,
    ask: asker.ask,
    canaries: state.canaries,
    admit: ({ exchange, rule }) => rates.admit(exchange, rule.body),
    warn,
  });
  const context = new ContextDoor({ ask: asker.ask, clock, parse: dispatcher.parts.parse });
  const later = new RunningLater({
    place: options.spool,
    scope: options.pod ? `${options.pod.namespace}/${options.pod.workload}` : 'default',
    maxBytes: options.spool?.maxBytes ?? SPOOL_BYTES,
    maxBody: maxBodyBytes,
    memory,
    learned,
    serve: (exchange, path, body) => pipeline.serveInner(exchange, path, body),
    dispatch: dispatcher.parts,
    recording,
    clock,
    credentials,
    random,
    warn,
    onLine: (outcome) => telemetry?.later?.('Line', outcome),
    onEnd: (what, how) => telemetry?.later?.(what, how),
  });
  const pipeline = new Pipeline({
    config,
    gate: new Gate(options.access),
    memory,
    parse: dispatcher.parts.parse,
    maxBodyBytes,
    health: dispatcher.health,
    state,
    dispatch: dispatcher,
    sockets,
    learned,
    rates,
    admission,
    ...recording,
    models,
    cache,
    feedback,
    later,
    context,
    workload: options.pod?.workload ?? '',
    logContentBytes: limits.logContentBytes ?? 0,
    random,
  });
  telemetry = await options.telemetry?.({
    snapshotAgeMs: () => holder.status().ageMs,
    degraded: () => holder.status().degraded,
    inFlight: () => pipeline.openRequests,
    waiting: () => admission.queue.size,
    cacheBytes: () => cache.usedBytes,
    cacheLimitBytes: () => cache.maxBytes,
    cacheEntries: () => cache.entries,
    later: () => later.state,
    memoryUsedBytes: () => memory.used,
    memoryLimitBytes: () => memory.limit,
  });
  holder.onChange((effective) => {
    telemetry?.snapshotChanged(effective);
    ceilings.apply(effective);
    rates.apply(effective);
    sharedRates.applied();
    budgets.apply(effective);
    dispatcher.apply(effective);
    void outlook.apply(effective, { ...dispatcher.parts, ask: asker.ask });
    state.observed.retain(effective.providers);
    config.swap(effective);
    later.apply(config.table);
    if (config.table) {
      const sent = { ...recording, memory, learned, health, dispatch: dispatcher, random };
      void experiments.apply(config.table, sent);
      cache.apply(config.table);
    }
  });

  let draining = false;
  const admin = new Admin({
    readiness: () =>
      readiness(holder.status(), options.startup ?? 'Wait', performance.now() - started, draining),
    snapshot: () => ({
      ...shownSnapshot(holder.effective, holder.status(), source.status()),
      budgets: budgets.standing(),
    }),
    config,
    health: dispatcher.health,
    state,
    models,
    context,
    telemetry: {
      metrics: () => telemetry?.metrics() ?? Promise.resolve(''),
      metricsContentType: telemetry?.metricsContentType ?? 'text/plain; charset=utf-8',
      request: (id) => telemetry?.request(id),
    },
    memory,
    maxBodyBytes,
    random,
  });
  const appListener = new Listener({
    request: (req, res, expectsContinue) => pipeline.handle(req, res, expectsContinue),
    upgrade: (req, socket, head) => pipeline.upgrade(req, socket, head),
  });
  const adminListener = new Listener({ request: (req, res) => admin.handle(req, res) });

  source.join?.(fleet);
  source.lease?.(budgets);
  source.share?.(sharedRates);
  await source.start(holder, credentials);
  const cut = new AbortController();
  let ended: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    draining = true;
    // Sockets have no end of their own: they are told to close, which ends their exchanges.
    void sockets.drain();
    // Lines under way are open requests, and end with those; the others wait for the next process.
    const parked = later.stop();
    await drainListener(appListener, pipeline, limits.drainMs ?? DRAIN_MS, cut.signal);
    later.cut();
    await parked;
    experiments.stop();
    sharedRates.stop();
    await source.flush?.(FLUSH_MS);
    await source.stop();
    await telemetry?.flush(FLUSH_MS);
    dispatcher.close();
    cache.stop();
    outlook.stop();
    await adminListener.close();
  };
  let port: number;
  let adminPort: number;
  try {
    port = await appListener.listen(options.listen);
    adminPort = await adminListener.listen(options.admin);
  } catch (error) {
    // One port taken: what is open already would keep the process alive, and answer on the other.
    cut.abort();
    await end();
    throw error;
  }
  return {
    port,
    adminPort,
    holder,
    memory,
    drain: () => (ended ??= end()),
    close: () => {
      cut.abort();
      return (ended ??= end());
    },
  };
}
