/** Constraints of rules and data policies of providers, in the integers of the contract. */
import type { LLMProviderSpec } from '../../crds/llmprovider.ts';
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { ConstraintsBody, DataPolicyBody } from '../../sidecar/snapshot/shapes/constraints.ts';
import { milliseconds } from './durations.ts';
import { shifted } from './prices.ts';

type Constraints = NonNullable<LLMRouteSpec['rules'][number]['constraints']>;

const MICRO_DIGITS = 6;
/** US dollars per million tokens are as many micro-USD, or 1e6 pico-USD, per token. */
const PER_TOKEN_DIGITS = 6;

export function constraintsBody(spec: Constraints): ConstraintsBody {
  const { maxCost, maxPrice, maxLatency, minQuality, dataPolicy, regions } = spec;
  return {
    ...(maxCost !== undefined && { maxCostMicroUsd: shifted(maxCost, MICRO_DIGITS) }),
    ...(maxPrice?.input !== undefined && { maxInputPrice: shifted(maxPrice.input, PER_TOKEN_DIGITS) }),
    ...(maxPrice?.output !== undefined && { maxOutputPrice: shifted(maxPrice.output, PER_TOKEN_DIGITS) }),
    ...(maxLatency !== undefined && { maxLatencyMs: milliseconds(maxLatency) }),
    ...(minQuality !== undefined && { minQuality }),
    ...(dataPolicy && {
      dataPolicy: {
        ...(dataPolicy.residency && { residency: [...dataPolicy.residency] }),
        ...(dataPolicy.retention !== undefined && { retentionDays: days(dataPolicy.retention) }),
        ...(dataPolicy.training && { training: dataPolicy.training }),
      },
    }),
    ...(regions && { regions: [...regions] }),
  };
}

export function dataPolicyBody(spec: NonNullable<LLMProviderSpec['dataPolicy']>): DataPolicyBody {
  const { residency, retention, training, classifications } = spec;
  return {
    ...(residency && { residency: [...residency] }),
    ...(retention !== undefined && { retentionDays: days(retention) }),
    ...(training && { training }),
    // Labels of requests are compared in lower-case.
    ...(classifications && { classifications: [...new Set(classifications.map((c) => c.toLowerCase()))] }),
  };
}

/** `None` or `30d`. */
export const days = (text: string): number => (text === 'None' ? 0 : Number.parseInt(text, 10));
