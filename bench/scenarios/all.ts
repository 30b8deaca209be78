/** Every scenario, by name. */

import { COST_TIERS } from './cost-tiers.ts';
import { LATENCY_SPIKE } from './latency-spike.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: readonly Scenario[] = [LATENCY_SPIKE, COST_TIERS];
