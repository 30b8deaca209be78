/** Checks of how targets share requests. */
import { all, type Check, integer, list, oneOf, shape, wrong } from '../check.ts';
import type { HybridBody, StrategyBody } from '../shapes/strategy.ts';
import { task } from './constraints.ts';

const STRATEGY_TYPES = [
  'Weighted',
  'RoundRobin',
  'LeastRequests',
  'Latency',
  'Throughput',
  'Cost',
  'Quality',
  'Hybrid',
  'Adaptive',
  'Layered',
];
const LAYER_TYPES = ['Cost', 'Latency', 'Throughput', 'Quality', 'LeastRequests'];

const points = integer(0, 100);

const hybrid: Check = all(
  shape({}, { cost: points, latency: points, quality: points, load: points }),
  (value, path) => {
    const { cost = 0, latency = 0, quality = 0, load = 0 } = value as HybridBody;
    return cost + latency + quality + load > 0 ? undefined : `${path} needs a weight above 0`;
  },
);

const adaptive = shape(
  { cost: points, latency: points, minSharePercent: integer(1, 25), memory: integer(20, 100_000) },
  { minQuality: points },
);

const layer = shape({ type: oneOf(LAYER_TYPES), withinPercent: integer(0, 1000) });

/** Which member each of these types cannot do without, and no other has. */
const SETTINGS = { Hybrid: 'hybrid', Adaptive: 'adaptive', Layered: 'layers' } as const;

export const strategy: Check = all(
  shape(
    { type: oneOf(STRATEGY_TYPES) },
    {
      latency: shape({ measure: oneOf(['FirstToken', 'Total']) }),
      quality: shape({ task }),
      hybrid,
      adaptive,
      layers: list(layer, 4, 1),
    },
  ),
  (value, path) => {
    const body = value as StrategyBody;
    for (const [type, member] of Object.entries(SETTINGS)) {
      if ((body.type === type) === (body[member] !== undefined)) continue;
      return wrong(
        `${path}.${member}`,
        body[member],
        body.type === type ? 'set' : `absent for type ${body.type}`,
      );
    }
    return undefined;
  },
);
