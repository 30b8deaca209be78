import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { electionTiming } from '../../../operator/leader/election.ts';
import { ADDRESS_ANNOTATION, type LeaseObject } from '../../../operator/leader/lease.ts';
import { type Fate, type Replica, Simulation } from './support/simulation.ts';

const HOUR_MS = 3_600_000;
const HANGS: Fate = { before: 0, after: 0, lost: 'Hangs' };
const REFUSED: Fate = { before: 0, after: 0, lost: 'Request' };
const FREE: LeaseObject = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'outrider' },
};

/** A Lease as the chart installs it, and replicas that found it. */
async function started(...names: string[]): Promise<{ simulation: Simulation; replicas: Replica[] }> {
  const simulation = new Simulation();
  simulation.put(FREE);
  const replicas = names.map((name) => simulation.replica(name));
  await simulation.pass(100);
  return { simulation, replicas };
}

/** Terms are counted from the minutes since the epoch, of which the simulation begins at a full one. */
const FIRST = Date.parse('2026-01-01T00:00:00Z') / 60_000 + 1;

describe('an election', () => {
  it('has one winner, at once where the Lease is there and free; 409 is a lost race', async () => {
    const { simulation, replicas } = await started('a', 'b', 'c');
    expect(simulation.acting()).toEqual(['a']);
    expect(simulation.refused).toBe(2);
    await simulation.pass(60_000);
    expect(simulation.acting()).toEqual(['a']);
    expect(simulation.losses).toEqual([]);
    expect(replicas.map(({ election }) => election.leaderAddress())).toEqual(['a:8443', 'a:8443', 'a:8443']);
    expect(replicas.map(({ election }) => election.term())).toEqual([FIRST, undefined, undefined]);
    expect(simulation.lease?.metadata.annotations?.[ADDRESS_ANNOTATION]).toBe('a:8443');
    // A renewal is one write and no read.
    expect(simulation.writes).toBeLessThanOrEqual(32);
  });

  it('creates a Lease that is absent, and leads after everyone who may have held it has stopped', async () => {
    const simulation = new Simulation();
    simulation.replica('a');
    simulation.replica('b');
    await simulation.pass(14_900);
    expect(simulation.lease?.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: FIRST });
    expect(simulation.leaders).toEqual([]);
    await simulation.pass(2_500);
    expect(simulation.leaders).toEqual(['a']);
    expect(simulation.replicas[0]?.election.term()).toBe(FIRST);
  });

  it('that was claimed and not kept is open again, and ends nobody', async () => {
    const simulation = new Simulation();
    const a = simulation.replica('a');
    await simulation.pass(100);
    simulation.replica('b');
    a.fate = () => REFUSED;
    await simulation.pass(20_000);
    expect(simulation.leaders).toEqual(['b']);
    a.fate = () => ({ before: 1, after: 1 });
    await simulation.pass(5_000);
    expect(simulation.losses).toEqual([]);
    simulation.replicas[1]?.kill();
    await simulation.pass(18_000);
    expect(simulation.leaders).toEqual(['b', 'a']);
  });

  it('tells whoever asked when it is won', async () => {
    const { simulation, replicas } = await started('a');
    let gained = 0;
    replicas[0]?.election.onGained(() => (gained += 1));
    expect(gained).toBe(1);
    const second = simulation.replica('b');
    second.election.onGained(() => (gained += 10));
    await Promise.all([replicas[0]?.election.stop(), simulation.pass(3_000)]);
    expect(gained).toBe(11);
  });
});

describe('a takeover', () => {
  it('comes one lease duration after the last renewal of a leader that vanished, with a higher term', async () => {
    const { simulation, replicas } = await started('a', 'b');
    await simulation.pass(30_000);
    replicas[0]?.kill();
    await simulation.pass(12_900);
    expect(simulation.acting()).toEqual([]);
    expect(replicas[1]?.election.leaderAddress()).toBe('a:8443');
    await simulation.pass(5_000);
    expect(simulation.acting()).toEqual(['b']);
    expect(replicas[1]?.election.term()).toBe(FIRST + 1);
    expect(simulation.lease?.spec?.leaseTransitions).toBe(FIRST + 1);
  });

  it('comes within one look after a leader gave the Lease back', async () => {
    const { simulation, replicas } = await started('a', 'b');
    const stopping = replicas[0]?.election.stop();
    expect(simulation.acting()).toEqual([]);
    await simulation.pass(10);
    await stopping;
    expect(simulation.lease?.spec).toMatchObject({ holderIdentity: '', leaseTransitions: FIRST });
    expect(simulation.losses).toEqual([]);
    await simulation.pass(2_400);
    expect(simulation.acting()).toEqual(['b']);
  });

  it.each([
    ['hours ahead', 5 * HOUR_MS],
    ['hours behind', -5 * HOUR_MS],
  ])('does not come because a wall clock is %s', async (_, wallSkewMs) => {
    const simulation = new Simulation();
    simulation.put(FREE);
    simulation.replica('a');
    await simulation.pass(100);
    simulation.replica('b', { wallSkewMs, monotonicStart: 987_654 });
    await simulation.pass(120_000);
    expect(simulation.leaders).toEqual(['a']);
    simulation.replicas[0]?.kill();
    await simulation.pass(18_000);
    expect(simulation.leaders).toEqual(['a', 'b']);
  });

  it('is not put off by somebody who writes labels into the Lease', async () => {
    const { simulation, replicas } = await started('a', 'b');
    replicas[0]?.kill();
    for (let n = 0; n < 18; n++) {
      const lease = simulation.get() as LeaseObject;
      simulation.put({ ...lease, metadata: { ...lease.metadata, labels: { n: String(n) } } });
      await simulation.pass(1_000);
    }
    expect(simulation.acting()).toEqual(['b']);
  });
});

describe('a leader', () => {
  it('stops acting at its renew deadline though every call hangs, and before anyone else begins', async () => {
    const { simulation, replicas } = await started('a', 'b');
    await simulation.pass(20_000);
    const [a] = replicas as [Replica];
    a.fate = () => HANGS;
    let stoppedAt = 0;
    let takenAt = 0;
    const began = simulation.time.monotonic();
    await simulation.pass(20_000, () => {
      if (!stoppedAt && !a.acts) stoppedAt = simulation.time.monotonic() - began;
      if (!takenAt && replicas[1]?.acts) takenAt = simulation.time.monotonic() - began;
    });
    expect(stoppedAt).toBeGreaterThan(0);
    expect(stoppedAt).toBeLessThanOrEqual(10_000);
    expect(takenAt - stoppedAt).toBeGreaterThan(4_000);
    expect(simulation.losses).toEqual([
      { identity: 'a', at: began + stoppedAt, reason: 'the Lease could not be renewed for 10000 ms' },
    ]);
  });

  it('counts its deadline from when a renewal was sent, not from when its answer came', async () => {
    const { simulation, replicas } = await started('a', 'b');
    const [a] = replicas as [Replica];
    await simulation.pass(3_000);
    const fates: Fate[] = [{ before: 0, after: 4_900 }];
    let sentAt = 0;
    a.fate = () => {
      sentAt ||= simulation.time.monotonic();
      return fates.shift() ?? HANGS;
    };
    let stoppedAt = 0;
    await simulation.pass(20_000, () => {
      if (!a.acts) stoppedAt ||= simulation.time.monotonic();
    });
    expect(stoppedAt - sentAt).toBe(10_000);
  });

  it('is not joined by one that created the Lease anew and does not know that it did', async () => {
    const { simulation, replicas } = await started('a', 'b');
    const [a, b] = replicas as [Replica, Replica];
    await simulation.pass(3_900);
    a.fate = () => REFUSED;
    simulation.lease = undefined;
    const create = b.create.bind(b);
    b.create = (lease) => create(lease).then(() => Promise.reject(new Error('connection reset')));
    let claimed = false;
    await simulation.pass(25_000, () => {
      expect(simulation.acting().length).toBeLessThanOrEqual(1);
      claimed ||= simulation.lease?.spec?.holderIdentity === 'b' && a.acts;
    });
    expect(claimed).toBe(true);
    expect(simulation.acting()).toEqual(['b']);
  });

  it('does not act past its deadline even before its timers get to run', async () => {
    const { simulation, replicas } = await started('a');
    const [a] = replicas as [Replica];
    expect(a.election.isLeader()).toBe(true);
    // Time passes and nothing runs, as in a process that was stopped.
    const before = simulation.time.monotonic();
    Object.defineProperty(simulation.time, 'monotonic', { value: () => before + 11_000 });
    expect(a.election.isLeader()).toBe(false);
    expect(a.election.term()).toBeUndefined();
  });

  it('survives one hanging call, lost answers and a short outage', async () => {
    const { simulation, replicas } = await started('a', 'b');
    const [a] = replicas as [Replica];
    for (const fate of [
      HANGS,
      { before: 1, after: 1, lost: 'Answer' } as const,
      { before: 2_000, after: 2_000 },
    ]) {
      const fates: Fate[] = [fate];
      a.fate = () => fates.shift() ?? { before: 1, after: 1 };
      await simulation.pass(15_000);
    }
    for (const replica of replicas) replica.fate = () => REFUSED;
    await simulation.pass(6_000);
    for (const replica of replicas) replica.fate = () => ({ before: 1, after: 1 });
    await simulation.pass(30_000);
    expect(simulation.leaders).toEqual(['a']);
    expect(simulation.losses).toEqual([]);
  });

  it('gives up in an outage that outlasts its deadline; the next one leads after it', async () => {
    const { simulation, replicas } = await started('a', 'b');
    for (const replica of replicas) replica.fate = () => REFUSED;
    await simulation.pass(30_000);
    expect(simulation.acting()).toEqual([]);
    expect(simulation.losses.map(({ identity }) => identity)).toEqual(['a']);
    for (const replica of replicas) replica.fate = () => ({ before: 1, after: 1 });
    // What the other saw last may not be the last renewal there was, so it waits once more.
    await simulation.pass(18_000);
    expect(simulation.acting()).toEqual(['b']);
    // Lost once is lost for good: a process that does not end takes no part any more.
    replicas[1]?.kill();
    await simulation.pass(60_000);
    expect(simulation.acting()).toEqual([]);
  });

  it('puts back a Lease that is deleted under it, and goes on in its term', async () => {
    const { simulation, replicas } = await started('a', 'b');
    simulation.lease = undefined;
    await simulation.pass(30_000);
    expect(simulation.leaders).toEqual(['a']);
    expect(replicas[0]?.election.term()).toBe(FIRST);
    expect(simulation.lease).toMatchObject({ spec: { holderIdentity: 'a', leaseTransitions: FIRST } });
  });

  it('yields to whoever was written into the Lease', async () => {
    const { simulation } = await started('a', 'b');
    const lease = simulation.get() as LeaseObject;
    simulation.put({ ...lease, spec: { ...lease.spec, holderIdentity: 'someone' } });
    await simulation.pass(3_000);
    expect(simulation.losses).toMatchObject([{ identity: 'a', reason: 'the Lease is held by someone' }]);
  });

  it.each(['somebody who knew it', 'nobody who knew it'])(
    'whose Lease was deleted is followed in a higher term by %s',
    async (who) => {
      const { simulation, replicas } = await started('a', 'b');
      await simulation.pass(63_000);
      const [a, b] = replicas as [Replica, Replica];
      a.kill();
      if (who.startsWith('nobody')) b.kill();
      simulation.lease = undefined;
      simulation.replica('c', { random: () => 0.9 });
      await simulation.pass(25_000);
      const [leader] = simulation.replicas.filter(({ acts }) => acts);
      expect(leader?.election.term()).toBeGreaterThan(FIRST);
    },
  );

  it('gives back what a broken-off attempt may have taken', async () => {
    const { simulation, replicas } = await started('a', 'b');
    const [a, b] = replicas as [Replica, Replica];
    await Promise.all([a.election.stop(), simulation.pass(10)]);
    b.fate = () => ({ before: 1, after: 4_000 });
    await simulation.pass(6_500);
    expect(simulation.lease?.spec?.holderIdentity).toBe('b');
    expect(b.acts).toBe(false);
    b.fate = () => ({ before: 1, after: 1 });
    await Promise.all([b.election.stop(), simulation.pass(10)]);
    expect(simulation.lease?.spec?.holderIdentity).toBe('');
  });
});

describe('two leaders', () => {
  const fate = fc.record({
    before: fc.integer({ min: 0, max: 12_000 }),
    after: fc.integer({ min: 0, max: 12_000 }),
    lost: fc.option(fc.constantFrom('Request' as const, 'Answer' as const, 'Hangs' as const), {
      nil: undefined,
      freq: 3,
    }),
  });
  const quick = fc.record({
    before: fc.integer({ min: 0, max: 50 }),
    after: fc.integer({ min: 0, max: 50 }),
  });
  const fates = fc.infiniteStream(fc.oneof({ weight: 3, arbitrary: quick }, { weight: 2, arbitrary: fate }));
  const candidate = fc.record({
    wallSkewMs: fc.integer({ min: -9 * HOUR_MS, max: 9 * HOUR_MS }),
    monotonicStart: fc.integer({ min: 0, max: 9 * HOUR_MS }),
    // Together less than the ratio of lease duration and renew deadline.
    pace: fc.double({ min: 0.85, max: 1.15, noNaN: true }),
    fates,
  });
  const event = fc.record({
    afterMs: fc.integer({ min: 0, max: 15_000 }),
    kind: fc.constantFrom('Restart', 'Kill', 'Stop', 'Delete', 'Label', 'Nothing'),
    which: fc.nat({ max: 1 }),
  });

  it('never act at once, whatever happens to calls, clocks, processes and the Lease', async () => {
    let terms = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(candidate, candidate),
        fc.array(event, { minLength: 3, maxLength: 10 }),
        fc.boolean(),
        async (candidates, events, installed) => {
          const simulation = new Simulation();
          if (installed) simulation.put(FREE);
          let births = 0;
          const born = (which: number) => {
            const { fates, ...clocks } = candidates[which] as (typeof candidates)[number];
            const name = `r${which}-${(births += 1)}`;
            return simulation.replica(name, {
              ...clocks,
              fate: () => fates.next().value as Fate,
              random: () => 0.3,
            });
          };
          const living = [born(0), born(1)];
          const seen: number[] = [];
          const check = () => {
            expect(simulation.acting().length).toBeLessThanOrEqual(1);
            for (const { acts, election } of simulation.replicas)
              if (acts) seen.push(election.term() as number);
          };
          let deletedAt = Number.NEGATIVE_INFINITY;
          let deleted = false;
          for (const { afterMs, kind, which } of events) {
            await simulation.pass(afterMs, check);
            const subject = living[which] as Replica;
            const now = simulation.time.monotonic();
            if (kind === 'Kill' || kind === 'Restart') subject.kill();
            if (kind === 'Stop') void subject.election.stop();
            if (kind === 'Restart' || kind === 'Stop') living[which] = born(which);
            if (kind === 'Label' && simulation.lease) {
              simulation.put({
                ...simulation.lease,
                metadata: { ...simulation.lease.metadata, labels: { now: String(now) } },
              });
            }
            // Deleting it again and again within one lease duration is beyond what waiting can tell.
            if (kind === 'Delete' && now - deletedAt > 30_000) {
              deletedAt = now;
              deleted = true;
              simulation.lease = undefined;
            }
          }
          await simulation.pass(40_000, check);
          // Where nobody knows the Lease that was deleted, terms are as good as a wall clock.
          const fallen = seen.filter((term, at) => term < (seen[at - 1] ?? 0));
          expect(deleted ? [] : fallen).toEqual([]);
          terms += new Set(seen).size;
        },
      ),
      { numRuns: 300 },
    );
    // The property would hold of replicas that never lead.
    expect(terms).toBeGreaterThan(300);
  });

  it('need clocks that run apart by more than the ratio of the two durations', () => {
    const { durationMs, renewDeadlineMs, retryMs } = electionTiming();
    expect([durationMs, renewDeadlineMs, retryMs]).toEqual([15_000, 10_000, 2_000]);
    expect(durationMs / renewDeadlineMs).toBeGreaterThan(1.15 / 0.85);
  });
});
