/** What several rules demand of who may see a request, all at once: while it is not known which of them it will be. */
import type { ConstraintsBody } from '../snapshot/shapes/constraints.ts';

type Demands = Pick<ConstraintsBody, 'dataPolicy' | 'regions'>;

/** Undefined: they demand nothing. An empty list in it: nobody meets all of them. */
export function strictest(all: readonly Demands[]): Demands | undefined {
  let residency: string[] | undefined;
  let regions: string[] | undefined;
  let retentionDays: number | undefined;
  let training: 'Never' | undefined;
  for (const { dataPolicy, regions: allowed } of all) {
    residency = both(residency, dataPolicy?.residency);
    regions = both(regions, allowed);
    if (dataPolicy?.retentionDays !== undefined) {
      retentionDays = Math.min(retentionDays ?? Number.POSITIVE_INFINITY, dataPolicy.retentionDays);
    }
    training ??= dataPolicy?.training;
  }
  const dataPolicy = {
    ...(residency && { residency }),
    ...(retentionDays !== undefined && { retentionDays }),
    ...(training && { training }),
  };
  if (!regions && Object.keys(dataPolicy).length === 0) return undefined;
  return { ...(regions && { regions }), ...(Object.keys(dataPolicy).length > 0 && { dataPolicy }) };
}

function both(a: string[] | undefined, b: string[] | undefined): string[] | undefined {
  return a && b ? a.filter((one) => b.includes(one)) : (a ?? b);
}
