/** Lets all pods learn together: tells the operator what was learned here, and hears what was learned everywhere. */
import {
  type ArmEntry,
  MAX_ARM_ENTRIES,
  MAX_QUALITY_ENTRIES,
  readArms,
  readQuality,
  writeArms,
  writeQuality,
} from '../../snapshot/fleet/learning.ts';
import type { FleetSeam } from '../../snapshot/fleet/link.ts';
import type { RoutingState } from '../state.ts';
import { type ArmTable, put } from './adaptive-memory.ts';

/** `now`: monotonic milliseconds. Hints that are not of the agreed form count as none. */
export function learnTogether(
  fleet: FleetSeam,
  { adaptive, quality }: Pick<RoutingState, 'adaptive' | 'quality'>,
  now: () => number,
): void {
  fleet.report({
    topic: 'adaptive',
    take() {
      const entries = entriesOf(adaptive.take(MAX_ARM_ENTRIES));
      return entries.length === 0 ? undefined : writeArms(entries);
    },
  });
  fleet.onHints('adaptive', (value) => adaptive.hear(tableOf(readArms(value) ?? [])));
  fleet.report({
    topic: 'quality',
    take() {
      const entries = quality.take(MAX_QUALITY_ENTRIES, now());
      return entries.length === 0 ? undefined : writeQuality(entries);
    },
  });
  fleet.onHints('quality', (value) => quality.hear(readQuality(value) ?? [], now()));
}

export function entriesOf(table: ArmTable): ArmEntry[] {
  const entries: ArmEntry[] = [];
  for (const [rule, contexts] of table)
    for (const [context, arms] of contexts)
      for (const [target, sums] of arms) entries.push({ rule, context, target, sums: Array.from(sums) });
  return entries;
}

function tableOf(entries: readonly ArmEntry[]): ArmTable {
  const table: ArmTable = new Map();
  for (const { rule, context, target, sums } of entries)
    put(table, rule, context, target, Float64Array.from(sums));
  return table;
}
