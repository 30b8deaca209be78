/** What native batches set aside, where it does not come to an end. */
import { describe, expect, it } from 'vitest';
import { NativeMoney } from '../../../sidecar/batch/native/money.ts';
import type { SpendGate, SpendRefusal, SpendWaiter } from '../../../sidecar/dispatch/spend-gate.ts';
import type { SpendHold } from '../../../sidecar/limits/budgets/hold.ts';
import { VirtualClock } from '../dispatch/virtual-clock.ts';

type Lines = Parameters<NativeMoney['setAside']>[1];
type Line = Lines extends AsyncIterable<infer L> ? L : never;

interface World {
  money: NativeMoney;
  /** Bodies that are held, and what is set aside. */
  bodies: number;
  holds: number;
  /** `broken`: cannot be prepared. */
  lines: (count: number, broken?: number) => Lines;
}

function world(gate: Partial<SpendGate> = {}): World {
  const take = (): SpendHold => {
    made.holds++;
    return { settle: () => made.holds-- > 0 } as unknown as SpendHold;
  };
  const money = new NativeMoney(
    { take, owe: take, wait: () => undefined, isLow: () => false, costOf: () => 0n, ...gate },
    new VirtualClock(),
  );
  const made: World = {
    money,
    bodies: 0,
    holds: 0,
    async *lines(count, broken) {
      for (let number = 1; number <= count; number++) {
        if (number === broken) throw new Error('no memory is left');
        made.bodies++;
        const exchange = { releaseBody: () => made.bodies-- };
        yield (await Promise.resolve({ number, prepared: { planned: {}, exchange } })) as unknown as Line;
      }
    },
  };
  return made;
}

const signal = (): AbortSignal => new AbortController().signal;

describe('money of a native batch', () => {
  it.each([3, 16, 20])(
    'is given back, and so is memory, where line %i cannot be prepared',
    async (broken) => {
      const made = world();
      await expect(made.money.setAside('b', made.lines(40, broken), signal())).rejects.toThrow('no memory');
      expect([made.bodies, made.holds, made.money.has('b')]).toEqual([0, 0, false]);
      expect(await made.money.setAside('b', made.lines(40), signal())).toBeUndefined();
      expect([made.bodies, made.holds, made.money.has('b')]).toEqual([0, 40, true]);
    },
  );

  it('is owed for all lines or, until it can be, for none', async () => {
    const made = world();
    await expect(made.money.owe('b', made.lines(5, 4))).rejects.toThrow('no memory');
    expect([made.bodies, made.holds, made.money.has('b')]).toEqual([0, 0, false]);
    await made.money.owe('b', made.lines(5));
    expect([made.bodies, made.holds, made.money.has('b')]).toEqual([0, 5, true]);
  });

  it('leaves nobody waiting for the end of a batch whose lines have waited', async () => {
    const refusal = { refused: true } as SpendRefusal;
    const ends = signal();
    const heard: string[] = [];
    ends.addEventListener = (type: string) => void heard.push(`+${type}`);
    ends.removeEventListener = (type: string) => void heard.push(`-${type}`);
    const made = world({
      take: () => refusal,
      wait: (_refusal, waiter: SpendWaiter) => {
        queueMicrotask(() => waiter.gaveUp(refusal, 0));
        return () => {};
      },
    });
    expect(await made.money.setAside('b', made.lines(2), ends)).toBe(refusal);
    expect(heard).toEqual(['+abort', '+abort', '-abort', '-abort']);
    expect(made.bodies).toBe(0);
  });
});
