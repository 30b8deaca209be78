/**
 * Routing under load, without waiting: real plans (`plan`, `RoutingState`), real breakers, real observers and the real
 * choice of the next candidate, on virtual time, against targets that follow a script.
 *
 *     const { timeline } = simulate({
 *       seed: 1,
 *       rule: rule('r', { strategy: { type: 'Latency' }, targets: [target('a'), target('b')] }),
 *       providers: [provider('a'), provider('b')],
 *       scripts: { a: { firstTokenMs: ({ now }) => (now < 30_000 ? 200 : 1000) }, b: { firstTokenMs: 300 } },
 *       workload: (random) => steadily({ perSecond: 20, durationMs: 60_000 }, random),
 *     });
 *     timeline.between(30_000, 60_000).latency(0.95);
 *
 * `rule`, `target`, `provider`, `model`, `facts` of `test/sidecar/routing/support.ts` write configuration down. Scripts are
 * by name of the target, or of the provider where targets share one. The same options give the same timeline.
 *
 * What is not the product: the wire (`call.ts`) and the order in which a run does things (`run.ts`), which follow
 * `sidecar/dispatch`. There are no keys that are missing, no translation, no holding of streams beyond the first token.
 *
 * Where further parts plug in (`plugins`, each member optional):
 * - `observer`, `exchangeObserver`: hear of attempts and exchanges as in a sidecar.
 * - `begin(simulator)`: once before the first request; `simulator.clock.at/after/every` plans what happens when, such as
 *   hints that arrive, probes, or a new configuration (`simulator.use`).
 * - `arrive(asked, simulator)`: holds a request back (`{ delayMs }`), refuses it (`{ refuse: code }`), or lets it in.
 * - `admit(run, candidate)`: false passes a candidate over, such as one without headroom; `run.next()` takes the next.
 * - `started(run, call)`: an attempt is out. `run.launch(candidate)` starts another beside it, such as a hedge: the first to
 *   commit wins, the others are cancelled and end as such; while one is under way a failed one starts no failover.
 * - `timeFor(run, candidate, shareMs, last)`: milliseconds before commit, of an attempt that has `shareMs` by itself.
 * - `health(view)`: wraps what plans see of health.
 */
import { OPENAI_CHAT } from '../../sidecar/dialects/openai/dialects.ts';
import { Breakers } from '../../sidecar/dispatch/breakers.ts';
import type { AttemptObserver, Exchange, ExchangeObserver } from '../../sidecar/exchange.ts';
import { plan } from '../../sidecar/routing/make-plan.ts';
import { matchRule } from '../../sidecar/routing/match-rule.ts';
import type { Candidate, HealthView, RequestFacts } from '../../sidecar/routing/plan.ts';
import { type RoutingState, routingState } from '../../sidecar/routing/state.ts';
import type { RoutingTable } from '../../sidecar/routing/table.ts';
import type { ProviderBody, RouteBody, RuleBody } from '../../sidecar/snapshot/schema.ts';
import { facts as plainFacts, route, table } from '../sidecar/routing/support.ts';
import type { SimulatedCall } from './call.ts';
import { seeded } from './chance.ts';
import { EventClock } from './event-clock.ts';
import { SimulatedRun } from './run.ts';
import { ScriptedTarget, type TargetScript } from './script.ts';
import { type Served, Timeline } from './timeline.ts';
import type { Asked } from './workload.ts';

export interface Plugin {
  observer?: AttemptObserver;
  exchangeObserver?: ExchangeObserver;
  begin?(simulator: Simulator): void;
  arrive?(asked: Asked, simulator: Simulator): { delayMs: number } | { refuse: string } | undefined;
  admit?(run: SimulatedRun, candidate: Candidate): boolean;
  started?(run: SimulatedRun, call: SimulatedCall): void;
  timeFor?(run: SimulatedRun, candidate: Candidate, shareMs: number, last: boolean): number;
  health?(view: HealthView): HealthView;
}

export interface SimulationOptions {
  seed: number;
  /** One rule, or several of which the first that matches is taken. */
  rule: RuleBody | RuleBody[];
  /** Of the route, for rules that ask for it. */
  signals?: RouteBody['signals'];
  providers: ProviderBody[];
  scripts: Record<string, TargetScript>;
  workload: (random: () => number) => Iterable<Asked>;
  state?: RoutingState;
  plugins?: readonly Plugin[];
}

export interface Simulation {
  readonly timeline: Timeline;
  readonly simulator: Simulator;
}

/** Runs a workload until its last request is over. */
export function simulate(options: SimulationOptions): Simulation {
  const simulator = new Simulator(options);
  simulator.run(options.workload(simulator.chance()));
  return { timeline: simulator.timeline, simulator };
}

export class Simulator {
  readonly clock = new EventClock();
  readonly state: RoutingState;
  readonly breakers: Breakers;
  readonly observers: readonly AttemptObserver[];
  readonly exchangeObservers: readonly ExchangeObserver[];
  /** In [0, 1). */
  readonly random: () => number;
  readonly #chances: () => number;
  readonly #plugins: readonly Plugin[];
  readonly #health: HealthView;
  readonly #targets = new Map<string, ScriptedTarget>();
  readonly #served: Served[] = [];
  #table: RoutingTable;
  #requests = 0;

  constructor({ seed, rule, signals, providers, scripts, state, plugins = [] }: SimulationOptions) {
    this.#chances = seeded(seed);
    this.random = this.chance();
    this.state = state ?? routingState();
    this.breakers = new Breakers({
      credentials: { get: () => 'key', has: () => true, previous: () => undefined },
    });
    this.#plugins = plugins;
    const { observed } = this.state;
    this.observers = [observed, ...plugins.flatMap(({ observer }) => observer ?? [])];
    this.exchangeObservers = [observed, ...plugins.flatMap(({ exchangeObserver }) => exchangeObserver ?? [])];
    this.#health = plugins.reduce<HealthView>((view, plugin) => plugin.health?.(view) ?? view, this.breakers);
    for (const [name, script] of Object.entries(scripts)) this.#targets.set(name, new ScriptedTarget(script));
    this.#table = tableOf(rule, providers, signals);
  }

  /** A source of chance of its own: what one part draws does not change what another gets. */
  chance(): () => number {
    return seeded(this.#chances() * 2 ** 32);
  }

  /** Another configuration from now on; what is remembered stays. */
  use(rule: RuleBody | RuleBody[], providers: ProviderBody[]): void {
    this.#table = tableOf(rule, providers);
  }

  run(workload: Iterable<Asked>): void {
    for (const plugin of this.#plugins) plugin.begin?.(this);
    const arrivals = workload[Symbol.iterator]();
    const next = (): void => {
      const { value, done } = arrivals.next();
      if (done === true) return;
      this.clock.at(value.at, () => {
        this.#arrive(value);
        next();
      });
    };
    next();
    this.clock.run();
  }

  get timeline(): Timeline {
    return new Timeline(this.#served);
  }

  /** The script of a target, or of its provider. */
  targetOf({ target, provider }: Candidate): ScriptedTarget {
    const found = this.#targets.get(target.name) ?? this.#targets.get(provider.name);
    if (found === undefined) throw new Error(`no script for target ${target.name}`);
    return found;
  }

  // For runs

  admits(run: SimulatedRun, candidate: Candidate): boolean {
    return this.#plugins.every((plugin) => plugin.admit?.(run, candidate) ?? true);
  }

  started(run: SimulatedRun, call: SimulatedCall): void {
    for (const plugin of this.#plugins) plugin.started?.(run, call);
  }

  timeFor(run: SimulatedRun, candidate: Candidate, shareMs: number, last: boolean): number {
    return this.#plugins.reduce(
      (ms, plugin) => Math.min(ms, plugin.timeFor?.(run, candidate, ms, last) ?? ms),
      shareMs,
    );
  }

  record(served: Served): void {
    this.#served.push(served);
  }

  #arrive(asked: Asked): void {
    let delayMs = 0;
    for (const plugin of this.#plugins) {
      const verdict = plugin.arrive?.(asked, this);
      if (verdict === undefined) continue;
      if ('refuse' in verdict) {
        this.#refuse(asked, verdict.refuse);
        return;
      }
      delayMs += verdict.delayMs;
    }
    if (delayMs === 0) this.#route(asked, this.clock.monotonic());
    else this.clock.after(delayMs, () => this.#route(asked, asked.at));
  }

  #route(asked: Asked, startedAt: number): void {
    const [tableRoute] = this.#table.routes;
    if (tableRoute === undefined) throw new Error('the table has the route');
    const facts = plainFacts(asked.facts, asked.headers);
    const matched = matchRule(tableRoute, facts);
    if (matched.error) {
      this.#refuse(asked, matched.error.code);
      return;
    }
    const made = plan(matched.rule, facts, this.#health, this.clock.monotonic(), this.random, this.state);
    const exchange = this.#exchange(facts, startedAt);
    exchange.plan = made;
    new SimulatedRun(this, asked, exchange, facts, made).start();
  }

  /** What observers may read of an exchange. */
  #exchange(facts: RequestFacts, startedAt: number): Exchange {
    return {
      id: `sim.${this.#requests++}`,
      startedAt,
      startedWall: this.clock.wall() - (this.clock.monotonic() - startedAt),
      method: facts.method,
      path: facts.path,
      query: '',
      dialect: OPENAI_CHAT,
      facts,
      route: 'ns/r',
      modelPattern: '*',
      steps: [],
      attempts: [],
      warnings: [],
      releaseBody: () => {},
    } as unknown as Exchange;
  }

  #refuse(asked: Asked, errorCode: string): void {
    const now = this.clock.monotonic();
    this.record({
      asked,
      at: asked.at,
      endedAt: now,
      target: undefined,
      credential: undefined,
      attempts: [],
      plan: undefined,
      latencyMs: undefined,
      totalMs: now - asked.at,
      costNanoUsd: 0n,
      outcome: 'Refused',
      errorCode,
    });
  }
}

function tableOf(
  rule: RuleBody | RuleBody[],
  providers: ProviderBody[],
  signals?: RouteBody['signals'],
): RoutingTable {
  const made = route('r', ['*'], Array.isArray(rule) ? rule : [rule]);
  if (made.body && signals) made.body = { ...made.body, signals };
  return table([made], providers);
}
