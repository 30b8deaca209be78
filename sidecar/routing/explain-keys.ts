/** Which keys of a target's pool are left out, and why. Requests go by what is left: this is written for whoever asks. */
import { leftOut, type PoolContext } from './credential-pool.ts';
import type { Consideration } from './plan.ts';
import type { TableRule } from './table.ts';

export function withKeys(
  considered: readonly Consideration[],
  { tiers }: TableRule,
  context: PoolContext,
): Consideration[] {
  const targets = tiers.flatMap((tier) => tier.targets);
  return considered.map((one) => {
    const target = targets.find(({ body }) => body.name === one.target);
    // What fell has its own reason; a pool of one that is left out is that reason.
    if (!one.kept || target === undefined || target.pool.length < 2) return one;
    const said = leftOut(target, context);
    return said.length === 0 ? one : { ...one, detail: `${one.detail}; ${said.join('; ')}` };
  });
}
