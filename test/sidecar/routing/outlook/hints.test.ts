import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan } from '../../../../sidecar/routing/make-plan.ts';
import type { Candidate, Plan } from '../../../../sidecar/routing/plan.ts';
import { type RoutingState, routingState, withoutTurns } from '../../../../sidecar/routing/state.ts';
import type { RuleBody } from '../../../../sidecar/snapshot/schema.ts';
import { facts, health, model, provider, route, rule, table, target } from '../support.ts';
import { outlookOf } from './support.ts';

const NAMES = ['a', 'b', 'c'];
const providers = NAMES.map((name) => provider(name, { models: [model('m')], openModels: false }));
const targets = NAMES.map((name) => target(name, { model: 'm' }));
const down = (name: string, state = 'Down') => ({ provider: `provider/ns/${name}`, model: 'm', state });
const hints = (...list: object[]) => ({ holds: 60_000, hints: list });

function planOf(
  body: RuleBody,
  state: RoutingState,
  now: number,
  options: { ejected?: string[]; random?: number } = {},
): Plan {
  const [tableRule] = table([route('r', ['*'], [body])], providers).routes[0]?.rules ?? [];
  if (!tableRule) throw new Error('the table has the rule');
  const ejected = Object.fromEntries((options.ejected ?? []).map((name) => [name, {}]));
  return plan(tableRule, facts(), health({ ejected }), now, () => options.random ?? 0, state);
}

const order = ({ candidates }: Plan): string[] => candidates.map(({ target: { name } }) => name);

function succeed(
  observer: ReturnType<typeof outlookOf>['sightings'],
  candidate: Candidate,
  at: number,
  ms = 100,
): void {
  const attempt = { candidate, startedAt: at, committedAt: at + ms, endedAt: at + ms, cancelled: false };
  observer.started(attempt as never);
  observer.ended(attempt as never, { facts: facts() } as never);
}

describe('what the fleet suspects', () => {
  const body = rule('r', { targets });
  const tiered = rule('r', { targets: targets.map((each, priority) => ({ ...each, priority })) });

  it('puts a target that is down behind all others of the rule, and says so', () => {
    const { view, suspicions } = outlookOf();
    const state = { ...routingState(), outlook: view };
    expect(order(planOf(tiered, state, 0))).toEqual(['a', 'b', 'c']);
    suspicions.hear(hints(down('a')), 0);
    const made = planOf(tiered, state, 0);
    expect(order(made)).toEqual(['b', 'c', 'a']);
    expect(made.considered[0]).toMatchObject({ kept: true, reason: 'Suspected' });
    expect(made.considered[0]?.detail).toContain('other pods find it down');
    expect(made.considered[1]?.reason).toBe('Selected');
  });

  it('puts what is slow behind others of its priority only, and not where the strategy goes by speed', () => {
    const { view, suspicions } = outlookOf();
    const state = { ...routingState(), outlook: view };
    suspicions.hear(hints(down('a', 'Slow')), 0);
    expect(order(planOf(body, state, 0))[2]).toBe('a');
    expect(order(planOf(tiered, state, 0))).toEqual(['a', 'b', 'c']);
    const latency = { ...body, strategy: { type: 'LeastRequests' as const } };
    const before = order(planOf(latency, routingState(), 0));
    expect(order(planOf(latency, { ...routingState(), outlook: view }, 0))).toEqual(before);
  });

  it('is about every model where it names none', () => {
    const { view, suspicions } = outlookOf();
    suspicions.hear(hints({ provider: 'provider/ns/a', state: 'Down' }), 0);
    expect(order(planOf(tiered, { ...routingState(), outlook: view }, 0))).toEqual(['b', 'c', 'a']);
  });

  it('puts what is short of its limits behind others of its priority', () => {
    const { view, suspicions } = outlookOf();
    const state = { ...routingState(), outlook: view };
    const left = (headroom: number) => hints({ provider: 'provider/ns/a', model: 'm', headroom });
    suspicions.hear(left(6), 0);
    expect(order(planOf(body, state, 0))[0]).toBe('a');
    suspicions.hear(left(5), 0);
    const made = planOf(body, state, 0);
    expect(order(made)[2]).toBe('a');
    expect(made.considered[0]?.detail).toContain('short of its limits (5 % are left)');
  });

  it('is where the strategy Latency begins: what others found, until it has seen an answer itself', () => {
    const { view, suspicions } = outlookOf();
    const usual = (name: string, p50: number) => ({ provider: `provider/ns/${name}`, model: 'm', p50 });
    suspicions.hear(hints(usual('a', 900), usual('b', 200), usual('c', 700)), 0);
    const state = { ...routingState(), outlook: view };
    const latency = { ...body, strategy: { type: 'Latency' as const } };
    expect(order(planOf(latency, state, 0))).toEqual(['b', 'c', 'a']);
    expect(view.usual(planOf(latency, state, 0).candidates[0] as Candidate, 60_001)).toBeUndefined();
  });

  it('ends by itself on the own clock, however long it claims to hold', () => {
    const { view, suspicions } = outlookOf();
    const state = { ...routingState(), outlook: view };
    suspicions.hear({ holds: 3_000_000, hints: [down('a')] }, 0);
    // Its looks are taken, so that only time is left.
    for (const now of [6_000, 119_000]) order(planOf(tiered, state, now));
    expect(order(planOf(tiered, state, 119_500))).toEqual(['b', 'c', 'a']);
    expect(order(planOf(tiered, state, 120_001))).toEqual(['a', 'b', 'c']);
  });

  it('ends where the operator no longer says so, and at the first own answer', () => {
    const { view, suspicions, sightings } = outlookOf();
    const state = { ...routingState(), outlook: view };
    suspicions.hear(hints(down('a')), 0);
    suspicions.hear(hints(), 100);
    expect(order(planOf(tiered, state, 100))).toEqual(['a', 'b', 'c']);
    suspicions.hear(hints(down('a')), 200);
    const made = planOf(tiered, state, 200);
    succeed(sightings, made.candidates[2] as Candidate, 150);
    expect(order(planOf(tiered, state, 300))).toEqual(['b', 'c', 'a']);
    succeed(sightings, made.candidates[2] as Candidate, 210);
    expect(order(planOf(tiered, state, 400))).toEqual(['a', 'b', 'c']);
    // Heard again, it stays refuted.
    suspicions.hear(hints(down('a')), 500);
    expect(order(planOf(tiered, state, 600))).toEqual(['a', 'b', 'c']);
  });

  it('lets one request go and see, now and then, and questions none', () => {
    const { view, suspicions } = outlookOf();
    const state = { ...routingState(), outlook: view };
    suspicions.hear(hints(down('a')), 0);
    const first = (now: number, of: RoutingState = state) => order(planOf(tiered, of, now))[0];
    expect([first(4_999), first(5_000, withoutTurns(state)), first(5_000), first(5_001)]).toEqual([
      'b',
      'b',
      'a',
      'b',
    ]);
    expect([first(14_999), first(15_000), first(15_001)]).toEqual(['b', 'a', 'b']);
  });

  it('never leaves a request without a target that would have one, whatever an operator says', () => {
    const said = fc.oneof(
      fc.anything(),
      fc.record({
        holds: fc.oneof(fc.integer(), fc.double(), fc.anything()),
        hints: fc.array(
          fc.oneof(
            fc.anything(),
            fc.record(
              {
                provider: fc.constantFrom(...NAMES.map((name) => `provider/ns/${name}`), 'provider/ns/x'),
                model: fc.option(fc.constantFrom('m', '_OTHER', ''), { nil: undefined }),
                state: fc.constantFrom('Down', 'Slow', 'Gone'),
                p50: fc.anything(),
              },
              { requiredKeys: ['provider'] },
            ),
          ),
          { maxLength: 8 },
        ),
        probe: fc.anything(),
      }),
    );
    const times = fc.array(fc.nat(200_000), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(said, times, fc.subarray(NAMES), fc.boolean(), (value, at, ejected, isTiered) => {
        const { view, suspicions } = outlookOf();
        suspicions.hear(value, 0);
        for (const now of at.toSorted((a, b) => a - b)) {
          const asked = isTiered ? tiered : body;
          const plain = planOf(asked, routingState(), now, { ejected });
          const hinted = planOf(asked, { ...routingState(), outlook: view }, now, { ejected });
          expect(order(hinted).toSorted()).toEqual(order(plain).toSorted());
          expect(hinted.maxAttempts).toBe(plain.maxAttempts);
          expect(hinted.considered.map(({ kept }) => kept)).toEqual(plain.considered.map(({ kept }) => kept));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the own region', () => {
  const near = [
    provider('a', { region: 'us-east-1', models: [model('m')] }),
    provider('b', { region: 'eu-central-1', models: [model('m')] }),
    provider('c', { models: [model('m')] }),
  ];
  const local = rule('r', { targets, locality: { prefer: 'SameRegion' } });
  const planned = (region: string | undefined, suspect = false) => {
    const { view, suspicions } = outlookOf(region === undefined ? {} : { region });
    if (suspect) suspicions.hear(hints(down('b')), 0);
    const [tableRule] = table([route('r', ['*'], [local])], near).routes[0]?.rules ?? [];
    if (!tableRule) throw new Error('the table has the rule');
    return plan(tableRule, facts(), health(), 0, () => 0, { ...routingState(), outlook: view });
  };

  it('comes first among targets of one priority, where the pod knows where it is', () => {
    expect(order(planned('eu-central-1'))[0]).toBe('b');
    expect(planned('eu-central-1').considered[0]?.detail).toContain('targets in eu-central-1 come first');
    expect(order(planned('ap-south-1'))).toEqual(order(planned(undefined)));
  });

  it('does not where something speaks against its target', () => {
    expect(order(planned('eu-central-1', true))[0]).not.toBe('b');
  });
});

describe('spilling over', () => {
  const body = (spillover: object) =>
    rule('r', {
      targets: [
        target('a', { model: 'm', spillover, priority: 0 }),
        target('b', { model: 'm', priority: 1 }),
      ],
    });
  const first = (spillover: object, state: RoutingState, now = 0) => {
    const made = planOf(body(spillover), state, now);
    return [order(made)[0], made.considered[0]?.reason];
  };

  it('goes by what waits at the server where it tells', () => {
    let depth: number | undefined = 3;
    const { view } = outlookOf({ depth: () => depth });
    const state = { ...routingState(), outlook: view };
    expect(first({ queueDepth: 4 }, state)).toEqual(['a', 'Selected']);
    depth = 4;
    expect(first({ queueDepth: 4 }, state)).toEqual(['b', 'Spilled']);
    depth = undefined;
    expect(first({ queueDepth: 4 }, state)).toEqual(['a', 'Selected']);
  });

  it('goes by what is under way in this pod where it does not', () => {
    const { view, sightings } = outlookOf();
    const state = { ...routingState(), outlook: view };
    const [candidate] = planOf(body({ queueDepth: 2 }), state, 0).candidates;
    const attempt = { candidate, startedAt: 0, committedAt: 1, endedAt: 1, cancelled: false } as never;
    sightings.started(attempt);
    expect(first({ queueDepth: 2 }, state)[0]).toBe('a');
    sightings.started(attempt);
    const spilled = planOf(body({ queueDepth: 2 }), state, 0);
    expect(spilled.considered[0]?.detail).toContain('2 requests of this pod are under way');
    expect(order(spilled)).toEqual(['b', 'a']);
    sightings.ended(attempt, { facts: facts() } as never);
    expect(first({ queueDepth: 2 }, state)[0]).toBe('a');
  });

  it('goes by how long answers take to begin, and looks again after some seconds', () => {
    const { view, sightings } = outlookOf();
    const state = { ...routingState(), outlook: view };
    const [candidate] = planOf(body({ latencyMs: 1000 }), state, 0).candidates;
    for (let at = 0; at < 20_000; at += 500) succeed(sightings, candidate as Candidate, at, 1500);
    expect(first({ latencyMs: 1000 }, state, 21_000)).toEqual(['b', 'Spilled']);
    expect(first({ latencyMs: 1000 }, state, 27_000)[0]).toBe('a');
    for (let at = 27_000; at < 40_000; at += 500) succeed(sightings, candidate as Candidate, at, 200);
    expect(first({ latencyMs: 1000 }, state, 40_500)).toEqual(['a', 'Selected']);
  });
});
