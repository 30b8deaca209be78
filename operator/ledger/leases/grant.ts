/** How much of what is left one process gets. Pure; nano-USD. */

export interface Ask {
  /** What a request waits for. */
  readonly need: bigint;
  /** What the process is likely to spend in the next ten minutes, beyond what it holds. */
  readonly want: bigint;
}

/** Of a budget of `amount`, `free` of which is neither spent nor held; `asking` processes want some of it. */
export interface Left {
  readonly amount: bigint;
  readonly free: bigint;
  readonly asking: number;
}

/**
 * All that is wanted while there is plenty; half of an equal share otherwise, so that the last of a budget goes out in ever
 * smaller pieces and no process sits on it. Once headroom is short, only those get some for whom a request waits: it gets
 * what it needs, if that is there.
 */
export function grantOf({ need, want }: Ask, left: Left): bigint {
  const { free, asking } = left;
  if (free <= 0n || need > free) return 0n;
  if (need === 0n && isScarce(left)) return 0n;
  const share = free / BigInt(2 * Math.max(1, asking));
  const fair = want < share ? want : share;
  return fair > need ? fair : need;
}

/** Whether what is idle should go back at once: less than a fifth of the budget is free. */
export const isScarce = ({ free, amount }: Pick<Left, 'free' | 'amount'>): boolean => free * 5n < amount;
