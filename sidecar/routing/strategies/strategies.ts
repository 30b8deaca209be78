/** Every strategy a rule may name. */
import type { RuleBody } from '../../snapshot/schema.ts';
import { ADAPTIVE } from './adaptive.ts';
import { COST } from './cost.ts';
import { HYBRID } from './hybrid.ts';
import { LATENCY } from './latency.ts';
import { LAYERED } from './layered.ts';
import { LEAST_REQUESTS } from './least-requests.ts';
import { QUALITY } from './quality.ts';
import { ROUND_ROBIN } from './round-robin.ts';
import type { Strategy } from './strategy.ts';
import { THROUGHPUT } from './throughput.ts';
import { WEIGHTED } from './weighted.ts';

export const STRATEGIES: Readonly<Record<RuleBody['strategy']['type'], Strategy>> = {
  Weighted: WEIGHTED,
  RoundRobin: ROUND_ROBIN,
  LeastRequests: LEAST_REQUESTS,
  Latency: LATENCY,
  Throughput: THROUGHPUT,
  Cost: COST,
  Quality: QUALITY,
  Hybrid: HYBRID,
  Adaptive: ADAPTIVE,
  Layered: LAYERED,
};
