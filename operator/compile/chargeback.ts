/** Whom usage of a route is charged to: from the words of the resource to those of the snapshot. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { RouteBody } from '../../sidecar/snapshot/schema.ts';

export function chargebackMember({
  chargeback,
}: Pick<LLMRouteSpec, 'chargeback'>): Pick<RouteBody, 'chargeback'> {
  if (!chargeback) return {};
  const key = chargeback.key.map(({ by, header }) =>
    by === 'Header' ? { by, header: (header ?? '').toLowerCase() } : { by },
  );
  return { chargeback: { key } };
}
