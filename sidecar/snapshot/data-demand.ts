/** What is demanded of a provider's data policy, and what of it is not met, in words for people. */
import type { DataDemand, DataPolicyBody } from './shapes/constraints.ts';

/** @param who demands it. Undefined: it is met. What a provider does not say meets no demand. */
export function unmetDemand(
  dataPolicy: DataPolicyBody | undefined,
  { residency, retentionDays, training }: DataDemand,
  who: 'rule' | 'policy',
): string | undefined {
  if (residency) {
    const said = dataPolicy?.residency;
    if (!said) return `says no residency; the ${who} allows ${words(residency)}`;
    const outside = said.filter((place) => !residency.includes(place));
    if (outside.length > 0) return `keeps data in ${words(outside)}; the ${who} allows ${words(residency)}`;
  }
  if (retentionDays !== undefined) {
    const said = dataPolicy?.retentionDays;
    if (said === undefined) return `says no retention; the ${who} allows ${kept(retentionDays)}`;
    if (said > retentionDays) return `keeps data ${kept(said)}; the ${who} allows ${kept(retentionDays)}`;
  }
  if (training === 'Never' && dataPolicy?.training !== 'Never') {
    return dataPolicy?.training === undefined
      ? `does not say that it never trains on data, which the ${who} demands`
      : `trains on data, which the ${who} forbids`;
  }
  return undefined;
}

const kept = (days: number): string => (days === 0 ? 'no retention' : `${days} days`);

export function words(list: readonly string[]): string {
  return list.length > 5 ? `${list.slice(0, 5).join(', ')} and ${list.length - 5} more` : list.join(', ');
}
