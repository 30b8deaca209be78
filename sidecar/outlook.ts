/**
 * Puts together what a sidecar knows of its providers besides the request in hand: what it sees itself, what the fleet says,
 * what probes find. Probes and the reading of queues are loaded when configuration asks for them.
 */

import { authorize } from './dispatch/auth/authorize.ts';
import type { BreakerEvent, Breakers } from './dispatch/breakers.ts';
import type { DispatchParts } from './dispatch/parts.ts';
import type { AttemptObserver } from './exchange.ts';
import type { Ask } from './internal/asker.ts';
import type { ActiveProbes, ProbeState } from './probes/active.ts';
// Not loaded apart: it needs the table of routes, and with that the engine of patterns would leave its place in the bundle.
import { callModel } from './probes/model-call.ts';
import type { QueueDepths } from './probes/queue.ts';
import { PROVIDER_TYPES } from './providers/types.ts';
import { Outlook, type OutlookView } from './routing/outlook/outlook.ts';
import { type Sighting, Sightings } from './routing/outlook/sightings.ts';
import { fullness } from './routing/outlook/spill.ts';
import { Suspicions } from './routing/outlook/suspicions.ts';
import type { Trend } from './routing/outlook/trend.ts';
import type { Clock } from './snapshot/clock.ts';
import type { EffectiveSnapshot } from './snapshot/effective.ts';
import type { FleetSeam } from './snapshot/fleet/link.ts';
import type { ProviderBody } from './snapshot/schema.ts';

export interface OutlookOptions {
  /** Where hints come from; undefined: there is no operator, and this sidecar probes for itself. */
  fleet: FleetSeam | undefined;
  /** Where this pod is; compared with the regions of providers as it is. */
  region: string | undefined;
  clock: Clock;
  /** Percent left of the tightest limit that a provider told of; undefined: none is short. */
  headroom?: (provider: string, model: string) => number | undefined;
  /** In [0, 1). */
  random: () => number;
  warn: (message: string) => void;
  /** A target began, or ceased, to get worse. */
  onTrend?: (provider: string, model: string, worsens: boolean) => void;
  /** A provider that is probed changed its state. */
  onProbe?: (provider: string, state: ProbeState) => void;
}

/** What probes borrow of dispatch: who a request is sent as, the breakers they tell, and how a model is asked. */
type Means = Pick<DispatchParts, 'keys' | 'workloads'> & { breakers: Breakers; ask: Ask };

export class RunningOutlook {
  readonly view: OutlookView;
  /** Hears of every attempt. */
  readonly observer: AttemptObserver;
  readonly sightings: Sightings;
  readonly suspicions: Suspicions;
  readonly #options: OutlookOptions;
  #probes: ActiveProbes | undefined;
  #queues: QueueDepths | undefined;
  #stopped = false;

  constructor(options: OutlookOptions) {
    const { clock, fleet, random, region } = options;
    this.#options = options;
    this.sightings = new Sightings(clock.monotonic(), {
      ...(options.headroom && { headroom: options.headroom }),
      onTrend: (sighting, trend) => this.#trend(sighting, trend),
    });
    this.observer = this.sightings;
    this.suspicions = new Suspicions(random);
    this.view = new Outlook({
      sightings: this.sightings,
      suspicions: this.suspicions,
      region,
      full: fullness(this.sightings, (id, provider, now) => this.#queues?.depth(id, provider, now)),
    });
    fleet?.report({ topic: 'providers', take: () => this.sightings.take(clock.monotonic()) });
    fleet?.onHints('providers', (value) => this.suspicions.hear(value, clock.monotonic()));
  }

  /** A breaker moved: others should know. */
  breaker(event: BreakerEvent): void {
    const { clock, fleet } = this.#options;
    if (this.sightings.breaker(event, clock.monotonic())) fleet?.urgent();
  }

  /** Another configuration runs. */
  async apply(effective: EffectiveSnapshot, means: Means): Promise<void> {
    this.sightings.retain(new Set(effective.providers.keys()));
    const bodies = [...effective.providers.values()].flatMap(({ body }) => body ?? []);
    const spills = effective.routes.some(({ body }) =>
      body?.rules.some(({ targets }) => targets.some(({ spillover }) => spillover?.queueDepth !== undefined)),
    );
    if (spills && !this.#queues) await this.#loadQueues();
    if (bodies.some(({ active }) => active) && !this.#probes) await this.#loadProbes(means);
    this.#probes?.apply(effective);
  }

  stop(): void {
    this.#stopped = true;
    this.#probes?.stop();
    this.#queues?.stop();
  }

  #trend({ provider, model }: Sighting, trend: Trend | undefined): void {
    const { fleet, onTrend, warn } = this.#options;
    onTrend?.(provider, model, trend !== undefined);
    const name = `${provider.slice(provider.indexOf('/') + 1)} ${model}`;
    if (!trend) {
      warn(`${name} is no longer getting worse`);
      return;
    }
    const { from, to, span, of } = trend;
    const figures =
      of === 'Latency'
        ? `its answers took ${Math.round(from)} ms and take ${Math.round(to)} ms`
        : `${Math.round(from * 100)} % of its attempts failed and ${Math.round(to * 100)} % do`;
    warn(`${name} is getting worse: within ${Math.round(span / 1000)} s, ${figures}`);
    fleet?.urgent();
  }

  async #loadQueues(): Promise<void> {
    const [{ QueueDepths: Queues }, { askUrl }] = await Promise.all([
      import('./probes/queue.ts'),
      import('./probes/ask.ts'),
    ]);
    const { clock, random } = this.#options;
    if (this.#stopped) return;
    this.#queues ??= new Queues({
      clock,
      random,
      ask: ({ caBundle }, url, signal) =>
        askUrl({ url, headers: [], caBundle, timeoutMs: QUEUE_TIMEOUT_MS, maxBytes: QUEUE_BYTES }, signal),
    });
  }

  async #loadProbes({ breakers, keys, workloads, ask }: Means): Promise<void> {
    const [{ ActiveProbes: Probes }, { askUrl }] = await Promise.all([
      import('./probes/active.ts'),
      import('./probes/ask.ts'),
    ]);
    const { clock, fleet, random, warn, onProbe } = this.#options;
    if (this.#stopped) return;
    this.#probes ??= new Probes({
      health: breakers,
      clock,
      random,
      ask: (id, provider, { path, model, timeoutMs }, signal) =>
        model !== undefined
          ? callModel(ask, id, provider, model, timeoutMs)
          : askUrl(
              {
                url: new URL(`${provider.url}${path}`),
                headers: headersFor(provider, { keys, workloads }),
                caBundle: provider.caBundle,
                timeoutMs,
                maxBytes: 1,
              },
              signal,
            ),
      mayProbe: (id) => !fleet || this.suspicions.probes(clock.monotonic()).includes(id),
      onChange: (id, state, why) => {
        warn(`${id.slice(id.indexOf('/') + 1)} was probed: it is ${STATES[state]} (${why})`);
        onProbe?.(id, state);
      },
    });
  }
}

const QUEUE_TIMEOUT_MS = 2_000;
const QUEUE_BYTES = 1_048_576;
const STATES: Readonly<Record<ProbeState, string>> = {
  Up: 'up',
  Down: 'down',
  Unclear: 'not to be judged by this check',
};

/** Those of the provider, and its first key whose value is here; without one the answer says so. */
function headersFor(provider: ProviderBody, holders: Pick<Means, 'keys' | 'workloads'>): string[] {
  const headers = provider.headers.flatMap(({ name, value }) => [name, value]);
  for (const credential of provider.credentials) {
    try {
      const candidate = { credential } as Parameters<typeof authorize>[1];
      const { headers: own } = authorize([], candidate, PROVIDER_TYPES[provider.type], undefined, holders);
      if (own.length > 0) return [...headers, ...own];
    } catch {
      // Its value has not arrived: the next one may have.
    }
  }
  return headers;
}
