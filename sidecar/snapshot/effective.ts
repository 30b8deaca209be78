/** What a sidecar really runs: the last snapshot, with items it refused or kept from before. */
import type { ProviderBody, RouteBody } from './schema.ts';
import type { VectorsBody } from './shapes/signals.ts';

export interface EffectiveRoute {
  id: string;
  rank: number;
  models: string[];
  /** Generation that runs; undefined when none does. */
  generation: number | undefined;
  /** Undefined: every request for the route answers 503 `route_invalid` with `reason`. */
  body: RouteBody | undefined;
  reason: string | undefined;
}

export interface EffectiveProvider {
  id: string;
  generation: number | undefined;
  body: ProviderBody | undefined;
  reason: string | undefined;
}

export interface EffectiveSnapshot {
  hash: string;
  routes: EffectiveRoute[];
  providers: ReadonlyMap<string, EffectiveProvider>;
  /** Of examples, by name. */
  vectors?: Readonly<Record<string, VectorsBody>>;
}
