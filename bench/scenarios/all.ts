/** Every scenario, by name. */

import { BANDIT } from './bandit.ts';
import { CACHE } from './cache.ts';
import { COST_TIERS } from './cost-tiers.ts';
import { FLEET } from './fleet.ts';
import { KEY_STORM } from './key-storm.ts';
import { LATENCY_SPIKE } from './latency-spike.ts';
import { OUTAGE } from './outage.ts';
import type { Scenario } from './scenario.ts';
import { SLOW_TAIL } from './slow-tail.ts';

export const SCENARIOS: readonly Scenario[] = [
  BANDIT,
  LATENCY_SPIKE,
  COST_TIERS,
  OUTAGE,
  SLOW_TAIL,
  KEY_STORM,
  CACHE,
  FLEET,
];
