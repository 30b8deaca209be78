import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Process, USD, World } from './fleet.ts';

async function fleet(pods: number, over: ConstructorParameters<typeof World>[0] = {}): Promise<World> {
  const world = new World(over);
  await world.elect();
  for (let i = 0; i < pods; i++) world.add(`pod-${i}`);
  return world;
}

/** As a sidecar does: without a lease it asks at once and waits for the answer, so long as that can help. */
async function request(world: World, process: Process, reserve: bigint, cost = reserve): Promise<boolean> {
  for (let waited = 0; waited <= 200; waited += 50) {
    if (process.request(reserve, cost)) return true;
    if (process.account.exhaustedFor(world.time.now) > 200) break;
    if (process.account.exhaustedFor(world.time.now) === 0) await process.report(world.leader);
    if (process.request(reserve, cost)) return true;
    world.time.now += 50;
    await settleDown(world);
  }
  process.account.waived();
  return false;
}

/** What is idle for a moment goes back where headroom is short. */
async function settleDown(world: World): Promise<void> {
  const { now } = world.time;
  for (const process of world.processes) {
    const { account } = process;
    if (!account.scarce || account.idleFor(now) < 250 || account.available(now) === 0n) continue;
    account.giveBack(now);
    await process.report(world.leader);
  }
}

describe('leases', () => {
  it('let one of fifty pods spend all of a budget, and no more', async () => {
    const world = await fleet(50);
    for (const process of world.processes) await process.report(world.leader);
    const [active] = world.processes as [Process];
    let refused = 0;
    for (let i = 0; i < 12_000 && refused < 20; i++) {
      world.time.now += 20;
      if (!(await request(world, active, USD / 100n))) refused++;
    }
    expect(world.spent).toBeLessThanOrEqual(100n * USD);
    expect(world.spent).toBeGreaterThanOrEqual(99n * USD);
  });

  it('never let fifty pods with twenty requests each spend more than there is', async () => {
    for (const headroom of [1n, 5n, 100n]) {
      const world = await fleet(50, { amount: (headroom * USD).toString() });
      const running: (() => void)[] = [];
      for (let round = 0; round < 4; round++) {
        for (const process of world.processes) {
          for (let i = 0; i < 20; i++) {
            if (process.account.reserve(USD, world.time.now) !== 'Reserved') continue;
            const window = process.account.window as number;
            running.push(() => process.finish(USD, USD, window));
          }
          await process.report(world.leader);
        }
        world.time.now += 100;
      }
      for (const finish of running) finish();
      expect(running.length).toBeGreaterThan(0);
      expect(world.spent).toBeLessThanOrEqual(headroom * USD);
    }
  });

  it('follow demand that hops between pods every second, with hardly a false refusal', async () => {
    const world = await fleet(10);
    let refused = 0;
    let asked = 0;
    for (let second = 0; second < 200 && world.spent < 97n * USD; second++) {
      const active = world.processes[second % 10] as Process;
      for (let i = 0; i < 50; i++) {
        world.time.now += 20;
        asked++;
        if (!(await request(world, active, USD / 80n, USD / 100n))) refused++;
        await settleDown(world);
      }
      if (second % 5 === 0) for (const process of world.processes) await process.report(world.leader);
      if (second % 5 === 0) await world.leader.tick();
    }
    expect(world.spent).toBeGreaterThanOrEqual(97n * USD);
    expect(refused / asked).toBeLessThanOrEqual(0.01);
  });

  it('end at once when the budget is lowered, and go on when it is raised', async () => {
    const world = await fleet(2);
    const [one, other] = world.processes as [Process, Process];
    for (const process of [one, other]) expect(await request(world, process, USD)).toBe(true);
    world.budget = { ...world.budget, amount: (3n * USD).toString() };
    await one.report(world.leader);
    await other.report(world.leader);
    await one.report(world.leader);
    let more = 0;
    const all = async () => {
      for (let i = 0; i < 20; i++) {
        for (const p of [one, other]) {
          world.time.now += 300;
          await settleDown(world);
          if (await request(world, p, USD)) more++;
        }
      }
    };
    await all();
    expect(more).toBe(1);
    world.budget = { ...world.budget, amount: (5n * USD).toString() };
    world.time.now += 300;
    more = 0;
    for (const process of world.processes) await process.report(world.leader);
    await all();
    expect(more).toBe(2);
  });

  it('book what a lost pod held as spent, and nothing else', async () => {
    const world = await fleet(2);
    const [lost, left] = world.processes as [Process, Process];
    for (let i = 0; i < 30; i++) {
      world.time.now += 1000;
      await request(world, lost, USD);
    }
    const spent = world.spent;
    world.kill(lost);
    await world.leader.tick();
    const { counted, taken } = world.leader.leasing.standing(world.budget, '');
    expect(counted + taken).toBeGreaterThanOrEqual(spent);
    let more = 0n;
    for (let i = 0; i < 200; i++) {
      world.time.now += 100;
      if (await request(world, left, USD)) more += USD;
    }
    expect(world.spent).toBeLessThanOrEqual(100n * USD);
    expect(more).toBeGreaterThan(0n);
  });

  it('lose nothing in a takeover that was told of', async () => {
    const world = await fleet(3);
    const [one] = world.processes as [Process];
    for (let i = 0; i < 50; i++) expect(await request(world, one, USD)).toBe(true);
    for (let turn = 0; turn < 3; turn++) {
      await world.leader.leasing.close();
      await world.leader.ledger.flush();
      await world.elect();
      for (const process of world.processes) await process.report(world.leader);
    }
    for (let i = 0; i < 49; i++) expect(await request(world, one, USD)).toBe(true);
    expect(world.spent).toBe(99n * USD);
  });

  it('begin anew with the window', async () => {
    const world = await fleet(1, {
      period: { unit: 'Hour', timeZone: 'UTC' },
      amount: (2n * USD).toString(),
    });
    const [one] = world.processes as [Process];
    const through = async () => {
      let count = 0;
      for (let i = 0; i < 5; i++) if (await request(world, one, USD)) count++;
      return count;
    };
    expect(await through()).toBe(2);
    world.time.now += 3_600_000;
    expect(await through()).toBe(2);
    const rolling = { unit: 'Hour', rolling: true, timeZone: 'UTC' } as const;
    const other = await fleet(1, { period: rolling, amount: (2n * USD).toString() });
    let most = 0n;
    const times: number[] = [];
    for (let i = 0; i < 400; i++) {
      other.time.now += 60_000;
      if (await request(other, other.processes[0] as Process, USD)) times.push(other.time.now);
      const lately = times.filter((at) => at > other.time.now - 3_600_000).length;
      most = BigInt(lately) > most ? BigInt(lately) : most;
    }
    expect(most).toBe(2n);
    expect(times.length).toBeGreaterThanOrEqual(10);
  });

  it('share one key among those beyond the bound', async () => {
    const world = new World({ maxKeys: 2, amount: USD.toString(), key: [{ by: 'Namespace' }] });
    await world.elect();
    const let_through: string[] = [];
    for (const key of ['a', 'b', 'c', 'd']) {
      if (await request(world, world.add(`pod-${key}`, key), USD)) let_through.push(key);
    }
    expect(let_through).toEqual(['a', 'b', 'c']);
  });
});

describe('whatever fails, in whatever order', () => {
  const nano = fc.bigInt({ min: 1n, max: 5n * USD });
  const pod = fc.nat(7);
  const fate = fc.constantFrom(
    'Ok' as const,
    'Ok' as const,
    'Ok' as const,
    'Request' as const,
    'Answer' as const,
  );
  const write = fc.constantFrom(
    'Ok' as const,
    'Ok' as const,
    'Ok' as const,
    'Refused' as const,
    'Lost' as const,
  );
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('request' as const), pod, nano, part: fc.nat(100) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('report' as const),
        pod,
        fate,
        limit: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('start' as const), pod, nano }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('finish' as const), part: fc.nat(100) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('give back' as const), pod }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('tick' as const), fates: fc.array(write, { maxLength: 12 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('writes fail' as const),
        fates: fc.array(write, { maxLength: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('takeover' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('old leader' as const), pod, fate }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), pod }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('time' as const),
        ms: fc.constantFrom(100, 5_000, 60_000, 950_000),
      }),
    },
  );

  it('no more is spent than there is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
        const world = await fleet(8, { amount: (20n * USD).toString() });
        let former = world.leader;
        let killed = 0;
        const running: { process: Process; nano: bigint; window: number }[] = [];
        let fates: ('Ok' | 'Refused' | 'Lost')[] = [];
        world.store.fate = () => fates.shift() ?? 'Ok';
        const at = (i: number) => world.processes[i % world.processes.length] as Process;
        const spend = async (process: Process, reserve: bigint, cost: bigint) => {
          if (process.request(reserve, cost)) return true;
          await process.report(world.leader);
          return process.request(reserve, cost);
        };
        const check = () => {
          const inFlight = running
            .filter(({ process }) => world.processes.includes(process))
            .reduce((sum, { nano: cost }) => sum + cost, 0n);
          expect(world.spent + inFlight).toBeLessThanOrEqual(20n * USD);
        };
        for (const one of steps) {
          switch (one.do) {
            case 'request':
              await spend(at(one.pod), one.nano, (one.nano * BigInt(one.part)) / 100n);
              break;
            case 'start': {
              const process = at(one.pod);
              if (process.account.reserve(one.nano, world.time.now) === 'Reserved')
                running.push({ process, nano: one.nano, window: process.account.window as number });
              break;
            }
            case 'finish': {
              const ended = running.shift();
              if (ended && world.processes.includes(ended.process))
                ended.process.finish(ended.nano, (ended.nano * BigInt(one.part)) / 100n, ended.window);
              break;
            }
            case 'report':
              await at(one.pod).report(world.leader, one.fate, one.limit);
              break;
            case 'give back':
              at(one.pod).account.giveBack(world.time.now);
              break;
            case 'writes fail':
              fates = [...one.fates];
              break;
            case 'tick':
              fates = [...one.fates];
              await world.leader.tick();
              fates = [];
              break;
            case 'crash':
              fates = [];
              await world.elect();
              break;
            case 'takeover':
              fates = [];
              former = world.leader;
              await world.elect();
              break;
            case 'old leader':
              // Its clock stood still: it still believes to lead.
              await at(one.pod).report(former, one.fate);
              break;
            case 'kill': {
              const process = at(one.pod);
              for (const { process: of, nano: cost } of running) if (of === process) world.gone += cost;
              world.kill(process);
              world.add(`pod-${8 + killed++}`);
              break;
            }
            case 'time':
              world.time.now += one.ms;
              break;
          }
          check();
        }
        // Whoever still holds something spends it, and asks for more until there is none.
        fates = [];
        for (let i = 0; i < 3; i++) {
          for (const process of world.processes) for (let n = 0; n < 4; n++) await spend(process, USD, USD);
        }
        check();
      }),
      { numRuns: 100 },
    );
  });
});
