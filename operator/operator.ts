/**
 * The control plane in one process: source -> compile -> sync and status.
 *
 * Each stage takes the newest and only the newest of what the one before has. A stage that fails is retried and leaves in
 * force what was there; none ends the process.
 */
import { hostname } from 'node:os';
import type { LLMRoute, LLMRouteStatus } from '../crds/llmroute.ts';
import { type Clock, systemClock } from '../sidecar/snapshot/clock.ts';
import type { ItemId } from '../sidecar/snapshot/schema.ts';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { prepareBudgets, type WatchedBudgets } from './budgets/start.ts';
import type { BudgetWatchOptions } from './budgets/watching.ts';
import type { Certificates } from './certificates/certificates.ts';
import { prepareCertificates, type TlsSettings, type TrustSettings } from './certificates/start.ts';
import type { Workload } from './compile/types.ts';
import { startCompiling } from './compiling.ts';
import { Minter, type MinterOptions } from './credentials/minter.ts';
import { outboundMint, outboundVectors } from './credentials/outbound.ts';
import { EventWriter } from './events.ts';
import { ExperimentsTopic } from './fleet/experiments.ts';
import { FleetKnowledge } from './fleet/knowledge.ts';
import { AdaptiveTopic } from './fleet/learning/adaptive-topic.ts';
import { QualityTopic } from './fleet/learning/quality-topic.ts';
import { ProvidersTopic } from './fleet/providers/topic.ts';
import { type InjectionOptions, prepareInjection, type RunningInjection } from './inject/injection.ts';
import { type ElectionSettings, startCampaign } from './leader/campaign.ts';
import { alone, type Leadership } from './leader/leadership.ts';
import { LedgerKeeping, type LedgerSettings } from './ledger/keeping.ts';
import { PodBudgets } from './ledger/leases/pod-budgets.ts';
import { PodLimits } from './ledger/rates/pod-limits.ts';
import { RateSharing } from './ledger/rates/rate-sharing.ts';
import { operatorMetrics } from './metrics.ts';
import { StatusController } from './status/controller.ts';
import type { Waits } from './status/programmed.ts';
import { createTokenAuthenticator } from './sync/identity.ts';
import { clusterKeys, type FetchKeys } from './sync/jwks.ts';
import type { PodLookup } from './sync/pods.ts';
import type { ProxyRegistry } from './sync/registry.ts';
import { startSyncServer } from './sync/server.ts';
import { tokenReviewer } from './sync/token-review.ts';
import { ExampleVectors } from './vectors/example-vectors.ts';
import { apiClient } from './watch/api-client.ts';
import type { ApiConfig } from './watch/api-config.ts';
import { Debounce } from './watch/debounce.ts';
import { KubernetesSource } from './watch/kubernetes-source.ts';
import { describeError, type Log } from './watch/log.ts';
import type { WatchMeans } from './watch/reflector.ts';
import type { Source } from './watch/source.ts';

export interface OperatorOptions {
  /** Which API server, and as whom; see `apiConfig`. */
  api: ApiConfig;
  /** Where sidecars connect. */
  listen: { host: string; port: number };
  tls: TlsSettings;
  /** Who is told whom to trust, besides sidecars; nobody unless told. */
  trust?: TrustSettings;
  /** Pods are given sidecars; unset: they are not, and nobody looks for those without. */
  injection?: InjectionOptions;
  /** Where usage is kept; unset: nowhere, it is only counted in metrics. */
  ledger?: LedgerSettings;
  /** Takes part in an election; unset: this is the only replica. */
  election?: ElectionSettings;
  /** Where probes and metrics are served. */
  admin: { host: string; port: number };
  /** Names the admin port may be asked by, besides IP addresses and localhost. */
  adminHosts?: readonly string[];
  /** Namespaces that may export providers and routes. */
  platformNamespaces: readonly string[];
  /** Where routes, providers and pods are read: `['*']` unless told. */
  namespaces?: readonly string[];
  /** Where Secrets with the credential label are read: nowhere unless told; `['*']` for everywhere. */
  credentialsNamespaces?: readonly string[];
  /** Hosts that may be dialled besides those of the clouds, for tokens, and of vendors, for vectors of examples. */
  egressHosts?: readonly string[];
  /** Gets tokens from clouds; unset: from their own services. */
  mint?: MinterOptions['mint'];
  /** Sends alerts of budgets where `egressHosts` allow it; unset: over the network. */
  postAlert?: BudgetWatchOptions['post'];
  identity?: {
    /** Unset: the API server's own keys, and its TokenReview where those do not help. */
    fetchKeys?: FetchKeys;
    /** Unset: any issuer whose signature holds. */
    issuer?: string;
    audience?: string;
  };
  log: Log;
  clock?: Clock;
  random?: () => number;
  waits?: Waits;
  /** Mean time between two reports of one sidecar, in milliseconds. */
  reportIntervalMs?: number;
}

export interface RunningOperator {
  /** Where sidecars connect. */
  readonly address: { host: string; port: number };
  readonly admin: { host: string; port: number };
  readonly registry: ProxyRegistry;
  /** Resolves when everything was read and compiled once. */
  readonly ready: Promise<void>;
  readonly leadership: Leadership;
  readonly certificates: Certificates;
  readonly injection: RunningInjection | undefined;
  /** Gives leadership back, ends streams. */
  stop(): Promise<void>;
}

export async function startOperator(options: OperatorOptions): Promise<RunningOperator> {
  const { api, log, clock = systemClock, random = Math.random } = options;
  const metrics = operatorMetrics(() => clock.monotonic());
  const client = apiClient(api, clock);
  const means: WatchMeans = { client, clock, random, log, observer: metrics.watch };
  const source = new KubernetesSource({
    ...means,
    namespaces: options.namespaces ?? ['*'],
    credentialsNamespaces: options.credentialsNamespaces ?? [],
  });
  const pods = podLookup(source);
  let injection: RunningInjection | undefined;
  let leadership = alone;
  const isLeader = () => leadership.isLeader();
  const certificates = prepareCertificates(options.tls, options.trust ?? {}, {
    ...means,
    isLeader,
    pods: () => runningPods(source),
    stateOf: (uid) => sync.registry.get(uid),
    published: (bundle) => injection?.isPublished(bundle) ?? true,
    onRun: (controller) => metrics.run(controller),
  });
  const budgets = new PodBudgets((uid) => source.pod(uid));
  const podLimits = new PodLimits({
    pod: (uid) => source.pod(uid),
    running: () => source.resources().pods.filter(runs),
    monotonic: () => clock.monotonic(),
  });
  const rateSharing = new RateSharing({
    limitOf: (uid, id) => podLimits.find(uid, id),
    podsOf: (id) => podLimits.podsOf(id),
    lives: (uid) => source.pod(uid) !== undefined,
    term: () => (isLeader() ? leadership.term() : undefined),
    monotonic: () => clock.monotonic(),
  });
  const ledger =
    options.ledger &&
    new LedgerKeeping(options.ledger, {
      client,
      clock,
      log,
      lives: (uid) => source.pod(uid) !== undefined,
      term: () => (isLeader() ? leadership.term() : undefined),
      budgetOf: ({ uid }, id) => budgets.find(uid, id),
      metrics: metrics.ledger,
    });
  const { fetchKeys, issuer, audience } = options.identity ?? {};
  const identity = createTokenAuthenticator({
    pods,
    clock,
    fetchKeys: fetchKeys ?? clusterKeys((path) => client.json({ path })),
    ...(fetchKeys
      ? {}
      : { reviewToken: tokenReviewer((path, body) => client.json({ method: 'POST', path, body })) }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  });
  const changed = new Set<ItemId>();
  const news = new Debounce(clock, NEWS, () => {
    if (isLeader()) sync.hint();
    status.heardOf(changed);
    changed.clear();
  });
  const providers = new ProvidersTopic({
    news: (provider) => {
      changed.add(provider);
      news.signal();
    },
  });
  const startedAt = Math.floor(clock.wall());
  const experiments = new ExperimentsTopic({
    stored: (route) => routeStatusOf(source, route)?.experiments,
    wall: () => clock.wall(),
    // A replica that is the only one has no Lease, and is another leader each time it starts.
    term: () => (options.election ? leadership.term() : startedAt),
    news: (route) => {
      changed.add(route);
      news.signal();
    },
  });
  const fleet = new FleetKnowledge({
    topics: [providers, experiments, new AdaptiveTopic(), new QualityTopic()],
    pods,
    onProblem: (topic, problem) => log.warn({ topic, problem }, 'what the fleet knows is not told in full'),
  });
  const events = new EventWriter({
    ...means,
    controller: 'outrider.dev/operator',
    instance: options.election?.replica ?? hostname(),
  });
  const sync = await startSyncServer({
    listen: options.listen,
    tls: certificates.serving.current,
    pods,
    identity,
    isLeader,
    leaderAddress: () => leadership.leaderAddress(),
    onError: (error) => log.error({ error: describeError(error) }, 'a request of a sidecar failed'),
    ...(ledger && { account: (pod, report) => ledger.account(pod, report) }),
    share: (pod, { epoch, rates }) => rateSharing.answer(pod, epoch, rates),
    metrics: metrics.sync,
    fleet,
    clock,
    ...(options.reportIntervalMs === undefined ? {} : { reportIntervalMs: options.reportIntervalMs }),
  });
  const status = new StatusController({
    source,
    registry: sync.registry,
    client,
    clock,
    random,
    log,
    isLeader,
    health: (provider) => providers.health(provider, clock.monotonic()),
    experiments: (route) => experiments.statusOf(route),
    budgets: (owner) =>
      owner.kind === 'LLMProvider' ? undefined : spending?.watch.statusOf({ ...owner, kind: owner.kind }),
    events,
    ...(options.waits ? { waits: options.waits } : {}),
    onRun: metrics.run('status'),
    onWrite: (kind, result) => metrics.statusWrite(kind, result),
  });
  const spending: WatchedBudgets | undefined =
    options.ledger &&
    ledger &&
    prepareBudgets({
      ...means,
      source,
      settings: options.ledger,
      ledger,
      isLeader,
      credentialsNamespaces: options.credentialsNamespaces ?? [],
      egressHosts: options.egressHosts ?? [],
      metrics: metrics.budgets,
      events,
      changed: (owners) =>
        status.heardOf(
          owners.map(
            ({ kind, namespace, name }) => `${kind === 'LLMRoute' ? 'route' : 'policy'}/${namespace}/${name}`,
          ),
        ),
      ...(options.postAlert && { post: options.postAlert }),
    });
  const minter = new Minter({
    mint:
      options.mint ??
      outboundMint({ clock, ...(options.egressHosts && { egressHosts: options.egressHosts }) }),
    clock,
    random,
    log,
    changed: () => compiling.again(),
  });
  const examples = new ExampleVectors({
    ask: outboundVectors(options.egressHosts ? { egressHosts: options.egressHosts } : {}),
    clock,
    log,
    changed: () => compiling.again(),
  });
  const compiling = startCompiling({
    source,
    clock,
    random,
    log,
    platformNamespaces: options.platformNamespaces,
    credentialsNamespaces: options.credentialsNamespaces ?? [],
    egressHosts: options.egressHosts ?? [],
    onRun: metrics.run('compile'),
    tokens: () => minter.tokens(),
    vectors: () => examples.known(),
    publish(compiled) {
      minter.update(compiled.mints);
      examples.update(compiled.vectorsWanted);
      // Before sidecars hear of it: what they ask next is answered by what they were sent.
      budgets.update(compiled);
      podLimits.update(compiled);
      spending?.watch.update(compiled.budgets);
      sync.publish(compiled);
      status.compiled(compiled);
    },
  });
  if (options.injection) {
    injection = prepareInjection(options.injection, {
      ...means,
      source,
      namespaces: options.namespaces ?? ['*'],
      certificates,
      isLeader,
      metrics: metrics.injection,
      onRun: (controller) => metrics.run(controller),
    });
  }
  const queues = {
    compile: compiling.queue,
    status,
    ...certificates.queues,
    ...injection?.queues,
    news: events.queue,
  };
  metrics.observe(queues, () => [...source.watches(), ...(injection?.watches() ?? [])]);
  metrics.observeReplica(() => ({
    leads: isLeader(),
    term: leadership.term(),
    certificates: certificates.facts(),
  }));
  certificates.serving.subscribe((certificate) => sync.setCertificate(certificate));
  if (options.election) {
    const { port } = sync.address;
    const ready = compiling.done;
    leadership = startCampaign(options.election, { client, clock, random, log, port, ready });
    leadership.onGained(() => {
      experiments.reset();
      status.resync();
      certificates.look();
      injection?.look();
    });
  }

  void source.synced.then(() => {
    void identity.prepare();
    const counts = Object.entries(source.resources()).map(([kind, list]) => [kind, list.length]);
    log.info(Object.fromEntries(counts), 'everything is read');
    return undefined;
  });

  const stop = async (admin?: AdminServer) => {
    await source.stop();
    minter.stop();
    examples.stop();
    await compiling.stop();
    await status.stop();
    await certificates.stop();
    await injection?.stop();
    await spending?.stop();
    await events.stop();
    await ledger?.stop();
    // Only now may another replica act; until streams end here, it can be told of.
    await leadership.stop();
    news.cancel();
    fleet.stop();
    await sync.close();
    await admin?.close();
    client.close();
  };
  let admin: AdminServer;
  try {
    await injection?.listen();
    admin = await startAdminServer({
      listen: options.admin,
      metrics,
      readiness: () => [
        ...readiness(source, compiling.isDone()),
        { name: 'certificate', ok: certificates.serving.current !== undefined },
      ],
      ...(options.adminHosts ? { hosts: options.adminHosts } : {}),
      ...(ledger && { usage: (query) => ledger.usage(query) }),
    });
  } catch (error) {
    await stop();
    throw error;
  }
  certificates.start();
  injection?.start();
  await source.start();
  ledger?.start(leadership);
  spending?.watch.start();
  return {
    address: sync.address,
    admin: admin.address,
    registry: sync.registry,
    ready: compiling.done,
    leadership,
    certificates,
    injection,
    stop: () => stop(admin),
  };
}

/** From the first thing that pods should hear of to telling them: what several report comes out together. */
const NEWS = { quietMs: 250, maxMs: 2_000 };

function routeStatusOf(source: Source, route: ItemId): LLMRouteStatus | undefined {
  return (source.object('LLMRoute', route.slice('route/'.length)) as LLMRoute | undefined)?.status;
}

function podLookup(source: Source): PodLookup {
  return {
    get: (uid) => source.pod(uid),
    onChange: (listener) =>
      source.onChange(({ kind, uid }) => {
        if (kind === 'Pod') listener(uid);
      }),
  };
}

/** Its sidecar does. */
const runs = ({ runningSince, terminating }: Workload): boolean => runningSince !== undefined && !terminating;

/** Those whose sidecar runs; what is about to start reads its trust when it does. */
function runningPods(source: Source): string[] {
  return source
    .resources()
    .pods.filter(runs)
    .map(({ uid }) => uid);
}

function readiness(source: Source, compiled: boolean) {
  return [
    ...source.health().map(({ name, synced, error }) => ({
      name,
      // A list that was complete once stays good: sidecars are better served by what is known than by nobody.
      ok: synced,
      ...(error === undefined ? {} : { detail: error }),
    })),
    { name: 'compiled', ok: compiled },
  ];
}
