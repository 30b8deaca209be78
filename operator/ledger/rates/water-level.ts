/**
 * Max-min fairness: everybody gets what is wanted, up to a level that is the same for all and uses up what there is. Nobody can
 * have more without somebody who has less having less still.
 */
export function waterLevel(wants: readonly number[], amount: number): number {
  const rising = wants.toSorted((a, b) => a - b);
  let left = amount;
  for (let i = 0; i < rising.length; i++) {
    const want = rising[i] as number;
    const each = left / (rising.length - i);
    if (want >= each) return Math.max(0, each);
    left -= want;
  }
  return Number.POSITIVE_INFINITY;
}
