/** Names that results of an experiment are kept under. */
import type { ExperimentBody } from '../shapes/experiment.ts';
import type { ArmTotals } from './arm-totals.ts';

/** Requests that are in no arm, and targets that no arm names. No arm can be named so. */
export const REST = '_rest';

const MIRROR = 'mirror.';

/** What results of copies are kept under. No arm can be named so: names of arms have no dots. */
export const mirrorArm = (target: string): string => `${MIRROR}${target}`;

export const isMirror = (arm: string): boolean => arm.startsWith(MIRROR);

/** Whether the experiment has an arm of that name, the rest and copies included. */
export function isArm({ arms, mirror }: ExperimentBody, name: string): boolean {
  return (
    name === REST ||
    arms.some((arm) => arm.name === name) ||
    mirror.some(({ target }) => mirrorArm(target) === name)
  );
}

/** Forgets what was counted for arms that the experiment no longer has. */
export function retainArms(sums: Map<string, ArmTotals>, body: ExperimentBody): void {
  for (const name of sums.keys()) if (!isArm(body, name)) sums.delete(name);
}
