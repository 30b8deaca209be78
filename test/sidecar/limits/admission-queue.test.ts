import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdmissionQueue, type Waiting } from '../../../sidecar/limits/admission/queue.ts';
import { VirtualClock } from '../dispatch/virtual-clock.ts';

const [CRITICAL, HIGH, NORMAL, LOW, BATCH] = [0, 1, 2, 3, 4] as const;
const byName = (a = '', b = ''): number => a.localeCompare(b);
const flush = () => Promise.resolve();

function world({ maxWaiting = 100, maxBytes = 1e9 } = {}) {
  const clock = new VirtualClock();
  const queue = new AdmissionQueue({ clock, maxWaiting, maxBytes, unclaim: () => {} });
  const log: string[] = [];
  const room = { left: 0 };
  const group: Record<string, object> = {};
  const request = (
    name: string,
    priority: number,
    more: { rule?: string; waitMs?: number; bytes?: number } = {},
  ) => {
    const since = clock.now;
    const waiting: Waiting = {
      priority,
      group: (group[more.rule ?? 'r'] ??= {}),
      since,
      deadline: since + (more.waitMs ?? 1000),
      bytes: more.bytes ?? 1,
      goOn: () => {
        if (room.left <= 0) return { until: Number.POSITIVE_INFINITY };
        room.left--;
        log.push(`go ${name}`);
        return true;
      },
      expired: () => log.push(`late ${name}`),
      shed: () => log.push(`shed ${name}`),
    };
    const added = queue.add(waiting, clock.now + 500);
    if (!added) log.push(`full ${name}`);
    return waiting;
  };
  const free = async (n: number) => {
    room.left += n;
    queue.freed();
    await flush();
  };
  return { clock, queue, log, room, request, free };
}

describe('those who wait', () => {
  it('go on by class, and within a class the oldest first', async () => {
    const { log, request, free } = world();
    request('b', BATCH);
    request('n1', NORMAL);
    request('n2', NORMAL);
    request('c', CRITICAL);
    await free(3);
    expect(log).toEqual(['go c', 'go n1', 'go n2']);
    await free(1);
    expect(log.at(-1)).toBe('go b');
  });

  it('take turns by rule, so that one rule cannot crowd out another', async () => {
    const { log, request, free } = world();
    for (let i = 0; i < 4; i++) request(`x${i}`, NORMAL, { rule: 'x' });
    for (let i = 0; i < 2; i++) request(`y${i}`, NORMAL, { rule: 'y' });
    await free(4);
    expect(log).toEqual(['go x0', 'go y0', 'go x1', 'go y1']);
  });

  it('let the newest go first once the oldest has waited half of its time', async () => {
    const { clock, log, request, free } = world();
    request('old', NORMAL);
    clock.advance(400);
    request('new', NORMAL);
    await free(1);
    expect(log).toEqual(['go old']);
    request('newer', NORMAL);
    clock.advance(501);
    request('newest', NORMAL);
    await free(1);
    expect(log.at(-1)).toBe('go newest');
  });

  it('are refused at their deadline, without anything being freed', () => {
    const { clock, queue, log, request } = world();
    request('n', NORMAL, { waitMs: 300 });
    request('h', HIGH, { waitMs: 2000 });
    clock.advance(320);
    expect(log).toEqual(['late n']);
    expect(queue.size).toBe(1);
    clock.advance(2000);
    expect(log).toEqual(['late n', 'late h']);
    expect(clock.pending).toBe(0);
  });

  it('are looked for again when the first limit frees by the clock', () => {
    const { clock, log, room, request } = world();
    request('n', NORMAL);
    room.left = 1;
    clock.advance(500);
    expect(log).toEqual(['go n']);
  });

  it('make room for what is more important, the newest of the least important first', () => {
    const { queue, log, request } = world({ maxWaiting: 3 });
    request('b1', BATCH);
    request('l', LOW);
    request('b2', BATCH);
    request('n', NORMAL);
    expect(log).toEqual(['shed b2']);
    request('h', HIGH);
    expect(log).toEqual(['shed b2', 'shed b1']);
    request('b3', BATCH);
    expect(log.at(-1)).toBe('full b3');
    request('h2', HIGH);
    expect(log.at(-1)).toBe('shed l');
    request('h3', HIGH);
    request('h4', HIGH);
    expect(log.slice(-2)).toEqual(['shed n', 'full h4']);
    expect(queue.size).toBe(3);
  });

  it('hold no more bytes than they may', () => {
    const { queue, log, request } = world({ maxBytes: 100 });
    request('a', BATCH, { bytes: 60 });
    request('b', BATCH, { bytes: 60 });
    expect(log).toEqual(['full b']);
    request('c', HIGH, { bytes: 60 });
    expect(log.at(-1)).toBe('shed a');
    expect(queue.bytes).toBe(60);
  });

  it('leave nothing behind, in whatever order they come, go, run late and give up', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('come' as const),
        priority: fc.integer({ min: 0, max: 4 }),
        rule: fc.constantFrom('x', 'y', 'z'),
        waitMs: fc.integer({ min: 1, max: 3000 }),
        bytes: fc.integer({ min: 0, max: 40 }),
      }),
      fc.record({ kind: fc.constant('free' as const), n: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 1500 }) }),
      fc.record({ kind: fc.constant('leave' as const), at: fc.integer({ min: 0, max: 30 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { clock, queue, log, request, free } = world({ maxWaiting: 8, maxBytes: 100 });
        const waiting: { name: string; entry: Waiting }[] = [];
        const left: string[] = [];
        let count = 0;
        for (const one of steps) {
          if (one.kind === 'come') {
            const name = `r${count++}`;
            waiting.push({ name, entry: request(name, one.priority, one) });
          } else if (one.kind === 'free') {
            await free(one.n);
          } else if (one.kind === 'pass') {
            clock.advance(one.ms);
          } else {
            const gone = waiting[one.at];
            if (gone && !left.includes(gone.name) && !log.some((l) => l.endsWith(` ${gone.name}`))) {
              left.push(gone.name);
              queue.leave(gone.entry);
            }
          }
          expect(queue.size).toBeLessThanOrEqual(8);
          expect(queue.bytes).toBeLessThanOrEqual(100);
        }
        clock.advance(10_000);
        await flush();
        expect(queue.size).toBe(0);
        expect(queue.bytes).toBe(0);
        expect(clock.pending).toBe(0);
        // Everybody ended in one way, and once.
        const ended = [...log.map((l) => l.split(' ')[1]), ...left].toSorted(byName);
        expect(ended).toEqual(Array.from({ length: count }, (_, i) => `r${i}`).toSorted(byName));
      }),
    );
  });
});
