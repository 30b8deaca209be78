/** One request that came to a rule with a cache. */
import type { Exchange } from '../exchange.ts';
import type { RequestFacts } from '../routing/plan.ts';
import type { TableRoute, TableRule } from '../routing/table.ts';
import type { CacheBody } from '../snapshot/shapes/cache.ts';
import type { RequestControl } from './cacheable.ts';
import type { KeyParts } from './key.ts';

/** An exchange whose answer may be written elsewhere for a while. */
type CachedExchange = Exchange & { res: Exchange['res'] };

export interface Asked {
  exchange: CachedExchange;
  facts: RequestFacts;
  route: TableRoute;
  rule: TableRule;
  /** Plans and dispatches; what it throws was not answered. */
  send: () => Promise<void>;
}

/** The same, once it is known that the cache may answer it. */
export interface Keyed extends Asked {
  cache: CacheBody;
  control: RequestControl;
  /** Where answers of the rule are. */
  part: string;
  key: string;
  parts: KeyParts;
  arm: string | undefined;
}
