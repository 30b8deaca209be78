/**
 * An adaptive rule and three targets of which nobody says how good they are: it finds the one that earns most, and finds the
 * other one when they change places.
 */
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../sidecar/exchange.ts';
import { contextOf } from '../../sidecar/routing/learning/contexts.ts';
import { Learner } from '../../sidecar/routing/learning/learner.ts';
import { routingState } from '../../sidecar/routing/state.ts';
import { model, provider, rule, target } from '../sidecar/routing/support.ts';
import { lognormal } from './chance.ts';
import { type Plugin, simulate } from './simulator.ts';
import { steadily } from './workload.ts';

const PER_SECOND = 20;
const SWAP = 2000;
const REQUESTS = 4000;
const WEIGHTS = { cost: 20, latency: 20 };

type Name = 'a' | 'b' | 'c';
interface Truth {
  /** How often its answers are good. */
  good: number;
  latencyMs: number;
  /** Dollars per million tokens, in and out. */
  price: number;
}

/** What an answer of each earns, by the numbers that the rule cannot see. */
function earned(truth: Record<Name, Truth>): Record<Name, number> {
  const middle = (of: (one: Truth) => number): number =>
    Object.values(truth)
      .map(of)
      .sort((x, y) => x - y)[1] as number;
  const price = middle((one) => one.price);
  const latency = middle((one) => one.latencyMs);
  const of = ({ good, price: p, latencyMs }: Truth): number =>
    good - (WEIGHTS.cost / 100) * (p / price) - (WEIGHTS.latency / 100) * (latencyMs / latency);
  return { a: of(truth.a), b: of(truth.b), c: of(truth.c) };
}

interface Options {
  /** Share of the answers that users say something of. */
  feedback: number;
}

function run(
  seed: number,
  before: Record<Name, Truth>,
  after: Record<Name, Truth>,
  { feedback = 0.5 }: Partial<Options>,
) {
  const state = routingState();
  const learner = new Learner(state);
  let finished = 0;
  const truthNow = () => (finished < SWAP ? before : after);
  const plugin: Plugin = {
    exchangeObserver: {
      completed(exchange: Exchange) {
        learner.completed(exchange);
        finished++;
        const answered = exchange.attempts.find(({ committedAt }) => committedAt !== undefined);
        const { facts, plan } = exchange;
        // Some of the users say whether the answer was good, two seconds later.
        if (!answered || !facts || !plan || chance() >= feedback) return;
        const name = answered.candidate.target.name as Name;
        const score = chance() < truthNow()[name].good ? 1 : 0;
        clock().after(2000, () =>
          learner.scored({
            route: 'ns/r',
            rule: plan.rule,
            candidate: answered.candidate,
            context: contextOf(facts),
            arm: undefined,
            task: 'default',
            score,
            replaces: undefined,
            now: clock().monotonic(),
          }),
        );
      },
    },
    begin(simulator) {
      clock = () => simulator.clock;
      chance = simulator.chance();
    },
  };
  let clock: () => Parameters<NonNullable<Plugin['begin']>>[0]['clock'];
  let chance: () => number;
  const names = ['a', 'b', 'c'] as const;
  const { timeline } = simulate({
    seed,
    state,
    rule: rule('r', {
      strategy: { type: 'Adaptive', adaptive: { ...WEIGHTS, minSharePercent: 1, memory: 300 } },
      targets: names.map((name) => target(name)),
    }),
    providers: names.map((name) => {
      const price = before[name].price * 1e6;
      return provider(name, {
        openModels: false,
        models: [model('m', { prices: { input: price, output: price } })],
      });
    }),
    scripts: Object.fromEntries(
      names.map((name) => [
        name,
        {
          firstTokenMs: ({ random }: { random: () => number }) =>
            lognormal(random, truthNow()[name].latencyMs, 0.3),
          outputTokens: 50,
          tokenMs: 1,
        },
      ]),
    ),
    workload: (random) =>
      steadily(
        {
          perSecond: PER_SECOND,
          durationMs: (1000 * REQUESTS) / PER_SECOND,
          request: () => ({ facts: { stream: true } }),
        },
        random,
      ),
    plugins: [plugin],
  });
  const chosen = timeline.requests.map(({ attempts }) => attempts[0]?.candidate.target.name as Name);
  const rewards = [earned(before), earned(after)] as const;
  const share = (from: number, to: number) => {
    const of = rewards[from < SWAP ? 0 : 1];
    const sum = chosen.slice(from, to).reduce((total, name) => total + of[name], 0);
    return sum / (Math.min(to, chosen.length) - from) / Math.max(...Object.values(of));
  };
  return { chosen, share };
}

const SEEDS = [1, 2, 3, 4];

/** Three targets, of which the best and the worst change places. */
const CASES: [string, Partial<Options>, Record<Name, Truth>][] = [
  [
    'by feedback alone',
    {},
    {
      a: { good: 0.9, latencyMs: 300, price: 3 },
      b: { good: 0.75, latencyMs: 300, price: 3 },
      c: { good: 0.55, latencyMs: 300, price: 3 },
    },
  ],
  [
    'by latency alone',
    { feedback: 0 },
    {
      a: { good: 0.5, latencyMs: 100, price: 3 },
      b: { good: 0.5, latencyMs: 300, price: 3 },
      c: { good: 0.5, latencyMs: 600, price: 3 },
    },
  ],
  [
    'by quality against price',
    {},
    {
      a: { good: 0.85, latencyMs: 250, price: 3 },
      b: { good: 0.95, latencyMs: 300, price: 12 },
      c: { good: 0.5, latencyMs: 400, price: 2.9 },
    },
  ],
];

describe.each(CASES)('%s', (_, options, before) => {
  const after = {
    a: { ...before.c, price: before.a.price },
    b: before.b,
    c: { ...before.a, price: before.c.price },
  };

  it.each(SEEDS)(
    'earns what the best target would have, but for a tenth, and does so again after a swap (seed %i)',
    (seed) => {
      const { share } = run(seed, before, after, options);
      expect(share(0, SWAP)).toBeGreaterThan(0.9);
      expect(share(SWAP + 500, REQUESTS)).toBeGreaterThan(0.9);
    },
  );
});
