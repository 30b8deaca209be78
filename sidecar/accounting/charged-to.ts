/** Whom a request is charged to besides the namespace of its pod, as its route says. */
import type { ChargebackBody } from '../snapshot/shapes/chargeback.ts';

/** Longest value of one part: callers write headers. */
const MAX_VALUE = 128;

/** Undefined: the route tells nobody apart, or nothing is known of whom. */
export function chargedTo(
  chargeback: ChargebackBody | undefined,
  workload: string,
  header: (name: string) => string | undefined,
): string | undefined {
  if (!chargeback) return undefined;
  const values = chargeback.key.map((part) =>
    part.by === 'Workload' ? workload : (header(part.header) ?? ''),
  );
  return values.some((value) => value !== '')
    ? values.map((value) => value.slice(0, MAX_VALUE)).join('/')
    : undefined;
}
