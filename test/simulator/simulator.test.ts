/** The simulator itself: what others prove with it is worth what it is. */
import { describe, expect, it } from 'vitest';
import type { RuleBody } from '../../sidecar/snapshot/schema.ts';
import { credential, model, provider, rule, target } from '../sidecar/routing/support.ts';
import { EventClock } from './event-clock.ts';
import type { TargetScript } from './script.ts';
import { type Plugin, type SimulationOptions, simulate } from './simulator.ts';
import { type SteadyLoad, steadily } from './workload.ts';

const FAILOVER: RuleBody['failover'] = {
  on: ['Connect', 'Timeout', 'RateLimited', 'ServerError', 'StreamError'],
  maxAttempts: 3,
  backoff: { baseMs: 100, maxMs: 2000 },
};
const two = (over: Partial<RuleBody> = {}): RuleBody =>
  rule('r', {
    failover: FAILOVER,
    targets: [target('a', { priority: 0 }), target('b', { priority: 1 })],
    ...over,
  });
const load = (over: Partial<SteadyLoad> = {}): SimulationOptions['workload'] => {
  return (random) => steadily({ perSecond: 10, durationMs: 10_000, arrivals: 'Even', ...over }, random);
};
const run = (scripts: Record<string, TargetScript>, over: Partial<SimulationOptions> = {}) =>
  simulate({
    seed: 1,
    rule: two(),
    providers: [provider('a'), provider('b')],
    scripts,
    workload: load(),
    ...over,
  });

const FAST: TargetScript = { firstTokenMs: 50, tokenMs: 1, outputTokens: 10 };

describe('the clock', () => {
  it('runs tasks by time, those of one time as planned, and none that were cancelled', () => {
    const clock = new EventClock();
    const ran: [string, number][] = [];
    const note = (name: string) => () => void ran.push([name, clock.monotonic()]);
    clock.after(20, note('late'));
    clock.at(10, note('first'));
    clock.after(10, note('second'));
    clock.after(15, note('never')).cancel();
    clock.after(5, () => clock.after(1, note('nested')));
    clock.run(12);
    expect(clock.monotonic()).toBe(12);
    clock.run();
    expect(ran).toEqual([
      ['nested', 6],
      ['first', 10],
      ['second', 10],
      ['late', 20],
    ]);
  });
});

describe('a simulation', () => {
  it('is the same for the same seed, and another for another', () => {
    const scripts = {
      a: { ...FAST, firstTokenMs: ({ random }) => 50 + 100 * random() },
      b: FAST,
    } satisfies Record<string, TargetScript>;
    const workload: SimulationOptions['workload'] = load({ arrivals: 'Random' });
    const latencies = (seed: number) =>
      run(scripts, { seed, workload }).timeline.requests.map(({ at, latencyMs }) => [at, latencyMs]);
    expect(latencies(7)).toEqual(latencies(7));
    expect(latencies(7)).not.toEqual(latencies(8));
  });

  it('times streams to their first token and whole answers to their last', () => {
    const whole = run({ a: FAST, b: FAST });
    expect(whole.timeline.latency(0.5)).toBe(1 + 50 + 9);
    const streams = run(
      { a: FAST, b: FAST },
      { workload: load({ request: () => ({ facts: { stream: true } }) }) },
    );
    expect(streams.timeline.latency(0.5)).toBe(1 + 50);
    expect(streams.timeline.total(0.5)).toBe(1 + 50 + 9);
  });

  it.each([{ kind: 'Refused' }, { kind: 'Status', status: 503 }, { kind: 'Dies', afterTokens: 0 }] as const)(
    'fails over from $kind, and lets breakers spare the rest',
    (fault) => {
      const { timeline } = run({ a: { ...FAST, faults: [{ from: 2000, to: 6000, ...fault }] }, b: FAST });
      expect(timeline.count('Served')).toBe(timeline.requests.length);
      expect(timeline.between(0, 2000).shareOf('a')).toBe(1);
      expect(timeline.between(2000, 6000).shareOf('b')).toBe(1);
      const { requests } = timeline.between(3000, 6000);
      // Hardly any try of what is ejected.
      expect(requests.reduce((sum, { attempts }) => sum + attempts.length, 0)).toBeLessThan(35);
    },
  );

  it('fails over from silence', () => {
    const timeouts = { ...rule('r').timeouts, attemptMs: 500 };
    const { timeline } = run(
      { a: { ...FAST, faults: [{ from: 2000, to: 6000, kind: 'Blackhole' }] }, b: FAST },
      { rule: two({ timeouts }) },
    );
    expect(timeline.count('Served')).toBe(timeline.requests.length);
    expect(timeline.latency(1)).toBeCloseTo(500 + 60, 0);
  });

  it('breaks a stream that dies after its first token', () => {
    const { timeline } = run(
      { a: { ...FAST, faults: [{ from: 0, to: 10_000, kind: 'Dies', afterTokens: 5 }] }, b: FAST },
      { workload: load({ durationMs: 200, request: () => ({ facts: { stream: true } }) }) },
    );
    expect(timeline.requests.map(({ outcome, target }) => [outcome, target])).toEqual([['Broken', 'a']]);
  });

  it('refuses beyond a limit, by credential', () => {
    const a = provider('a', { credentials: [credential('one'), credential('two', { id: 'ns/p/two' })] });
    const { timeline, simulator } = run(
      { a: { ...FAST, limit: { requests: 3, windowMs: 1000 } }, b: FAST },
      { providers: [a, provider('b')] },
    );
    const at = (from: number) => timeline.between(from, from + 1000).where(({ target }) => target === 'a');
    for (let second = 0; second < 10_000; second += 1000)
      expect(at(second).requests.length).toBeLessThanOrEqual(6);
    expect(simulator.breakers.watches('provider/ns/a')).toBe(true);
    expect(timeline.count('Served')).toBe(timeline.requests.length);
  });

  it('lets requests wait for a place', () => {
    const { timeline } = run(
      { a: { firstTokenMs: 150, tokenMs: 0, places: 1 }, b: FAST },
      { workload: load({ durationMs: 450 }) },
    );
    expect(timeline.requests.map(({ latencyMs }) => latencyMs)).toEqual([151, 201, 251, 301]);
  });

  it('ends what its caller leaves', () => {
    const { timeline } = run(
      { a: { firstTokenMs: 500 }, b: FAST },
      { workload: load({ request: () => ({ leavesAfterMs: 100 }) }) },
    );
    expect(timeline.count('Left')).toBe(timeline.requests.length);
    expect(timeline.requests[0]?.attempts[0]).toMatchObject({ cancelled: true, failure: undefined });
  });

  it('sums what all attempts cost', () => {
    const prices = { input: 2_000_000, output: 8_000_000 };
    const { timeline } = run(
      { a: FAST, b: FAST },
      {
        providers: [provider('a', { models: [model('m', { prices })] }), provider('b')],
        workload: load({ durationMs: 150 }),
      },
    );
    expect(timeline.costNanoUsd).toBe((100n * 2_000_000n + 10n * 8_000_000n) / 1000n);
  });
});

describe('plugins', () => {
  const hedge: Plugin = {
    started(run, call) {
      const [, other] = run.candidates;
      if (run.calls.size > 1 || other === undefined) return;
      run.clock.after(100, () => {
        if (!run.over && !call.done && call.attempt.committedAt === undefined) run.launch(other);
      });
    },
  };

  it('may start an attempt beside another: one wins and the other is cancelled', () => {
    const { timeline } = run({ a: { firstTokenMs: 1000, tokenMs: 0 }, b: FAST }, { plugins: [hedge] });
    expect(timeline.shareOf('b')).toBe(1);
    expect(timeline.latency(1)).toBe(100 + 60);
    for (const { attempts } of timeline.requests) {
      expect(attempts.map(({ cancelled }) => cancelled)).toEqual([true, false]);
    }
  });

  it('may pass candidates over, hold requests back and refuse them', () => {
    const seen: string[] = [];
    const { timeline } = run(
      { a: FAST, b: FAST },
      {
        workload: load({ durationMs: 350 }),
        plugins: [
          {
            arrive: ({ at }) => (at > 250 ? { refuse: 'overloaded' } : { delayMs: 30 }),
            admit: (_, candidate) => candidate.target.name !== 'a',
            observer: { started: ({ candidate }) => void seen.push(candidate.target.name) },
            exchangeObserver: { completed: ({ attempts }) => void seen.push(`${attempts.length}`) },
          },
        ],
      },
    );
    expect(timeline.requests.map(({ target, latencyMs }) => [target, latencyMs])).toEqual([
      ['b', 90],
      ['b', 90],
      [undefined, undefined],
    ]);
    expect(seen).toEqual(['b', '1', 'b', '1']);
  });
});
