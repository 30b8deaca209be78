/** What a rule lets a target cost, take and be worth. Soft only where the rule says so (onNoTarget). */
import { formatUsd } from '../../accounting/usd.ts';
import { pricesOf } from '../../snapshot/prices.ts';
import type { ConstraintsBody } from '../../snapshot/shapes/constraints.ts';
import { costOf, type Measuring, presentLatencyOf, qualityOf, taskOf } from '../measures.ts';
import type { Candidate } from '../plan.ts';
import type { Fallen } from '../target.ts';

/** Undefined: it keeps to all of them. */
export function aboveCeiling(candidate: Candidate, measuring: Measuring): Fallen | undefined {
  const { constraints } = measuring.rule;
  // Of an unread body nothing is known but where it goes.
  if (!constraints || measuring.facts.unread) return undefined;
  return (
    dearModel(candidate, constraints) ??
    dearRequest(candidate, constraints, measuring) ??
    slow(candidate, constraints, measuring) ??
    poor(candidate, constraints, measuring)
  );
}

function dearModel({ model, upstreamModel }: Candidate, constraints: ConstraintsBody): Fallen | undefined {
  const { maxInputPrice, maxOutputPrice } = constraints;
  if (maxInputPrice === undefined && maxOutputPrice === undefined) return undefined;
  const prices = pricesOf(model);
  const reason = 'PriceAboveCeiling';
  if (!prices) {
    return {
      reason,
      detail: `the price of ${upstreamModel} is not known, and the rule has a ceiling on prices`,
    };
  }
  for (const [unit, price, ceiling] of [
    ['input', prices.input, maxInputPrice],
    ['output', prices.output, maxOutputPrice],
  ] as const) {
    if (ceiling === undefined || price <= ceiling) continue;
    const detail = `${upstreamModel} costs $${perMillion(price)} per million ${unit} tokens; the rule allows $${perMillion(ceiling)}`;
    return { reason, detail };
  }
  return undefined;
}

function dearRequest(
  candidate: Candidate,
  { maxCostMicroUsd }: ConstraintsBody,
  measuring: Measuring,
): Fallen | undefined {
  if (maxCostMicroUsd === undefined) return undefined;
  const reason = 'CostAboveCeiling';
  const allowed = `the rule allows $${usd(maxCostMicroUsd * PICO_PER_MICRO)}`;
  const cost = costOf(candidate, measuring);
  if (cost === undefined) {
    return { reason, detail: `the price of ${candidate.upstreamModel} is not known; ${allowed}` };
  }
  if (cost <= maxCostMicroUsd * PICO_PER_MICRO) return undefined;
  return { reason, detail: `the request is expected to cost $${usd(cost)} there; ${allowed}` };
}

function slow(
  candidate: Candidate,
  { maxLatencyMs }: ConstraintsBody,
  measuring: Measuring,
): Fallen | undefined {
  const latency = maxLatencyMs === undefined ? undefined : presentLatencyOf(candidate, measuring);
  if (latency === undefined || maxLatencyMs === undefined || latency <= maxLatencyMs) return undefined;
  const detail = `its answers begin after ${Math.round(latency)} ms; the rule allows ${maxLatencyMs} ms`;
  return { reason: 'LatencyAboveCeiling', detail };
}

function poor(
  candidate: Candidate,
  { minQuality }: ConstraintsBody,
  measuring: Measuring,
): Fallen | undefined {
  if (minQuality === undefined) return undefined;
  const score = qualityOf(candidate, measuring);
  if (score !== undefined && score >= minQuality) return undefined;
  const known = score === undefined ? 'has no score' : `has a score of ${score.toFixed(1)}`;
  const detail = `${candidate.upstreamModel} ${known} for task ${taskOf(measuring.rule)}; the rule demands ${minQuality}`;
  return { reason: 'QualityBelowFloor', detail };
}

const PICO_PER_MICRO = 1_000_000;
/** Pico-USD per token are as many micro-USD per million. */
const perMillion = (picoPerToken: number): string => formatUsd(BigInt(picoPerToken) * 1000n);
/** An expectation, in pico-USD. */
const usd = (pico: number): string => formatUsd(BigInt(Math.round(pico / 1000)));
