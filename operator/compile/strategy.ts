/** How targets of one priority share requests: what is unset, and the words of the contract. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { StrategyBody } from '../../sidecar/snapshot/shapes/strategy.ts';
import type { Filler } from './defaults.ts';

type Strategy = NonNullable<LLMRouteSpec['rules'][number]['strategy']>;
type Adaptive = NonNullable<Strategy['adaptive']>;
type Layer = NonNullable<Strategy['layers']>[number];

export interface EffectiveStrategy extends Omit<Strategy, 'adaptive' | 'layers'> {
  adaptive?: Required<Omit<Adaptive, 'minQuality'>> & Pick<Adaptive, 'minQuality'>;
  layers?: Required<Layer>[];
}

const ADAPTIVE = { cost: 20, latency: 20, minSharePercent: 1, memory: 300 };
const WITHIN_PERCENT = 10;

export function effectiveStrategy(
  given: Strategy | undefined,
  path: string,
  fill: Filler,
): EffectiveStrategy {
  const { adaptive, layers, ...rest } = given ?? { type: undefined };
  const type = fill.in(`${path}.type`, given?.type, 'Weighted' as const);
  const setting = (name: keyof typeof ADAPTIVE) =>
    fill.in(`${path}.adaptive.${name}`, adaptive?.[name], ADAPTIVE[name]);
  return {
    ...rest,
    type,
    ...(type === 'Adaptive' && {
      adaptive: {
        ...adaptive,
        cost: setting('cost'),
        latency: setting('latency'),
        minSharePercent: setting('minSharePercent'),
        memory: setting('memory'),
      },
    }),
    ...(layers && {
      layers: layers.map((layer, i) => ({
        ...layer,
        withinPercent: fill.in(`${path}.layers[${i}].withinPercent`, layer.withinPercent, WITHIN_PERCENT),
      })),
    }),
  };
}

export function strategyBody(strategy: EffectiveStrategy): StrategyBody {
  const { type, latency, quality, hybrid, adaptive, layers } = strategy;
  return {
    type,
    ...(latency && { latency: { measure: latency.measure } }),
    ...(quality && { quality: { task: quality.task } }),
    ...(hybrid && { hybrid: { ...hybrid } }),
    ...(adaptive && { adaptive: { ...adaptive } }),
    ...(layers && { layers: layers.map((layer) => ({ ...layer })) }),
  };
}
