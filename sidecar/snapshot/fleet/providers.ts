/** Topic `providers`: how providers do, as each pod reports it and as all are told. JSON; either side reads it as anything at all. */
import type { FailureClass, ItemId } from '../schema.ts';
import { SKETCH_CLASSES } from './sketch.ts';

/** Models and endpoints that one report names at most, and one hint. */
export const MAX_SIGHTINGS = 64;
export const MAX_PROVIDER_HINTS = 96;

/** What a pod saw of one model at one provider since its last report. */
export interface SightingReport {
  provider: ItemId;
  /** As the provider is asked for it. Absent: the endpoint as a whole. */
  model?: string;
  /** Attempts that succeeded, and those that failed by class; failures of the caller are not counted. */
  ok: number;
  errors: Partial<Record<FailureClass, number>>;
  /** Milliseconds to the committing event as pairs of class and count; timeouts count with what they waited. */
  latency: number[];
  /** The pod's own breaker stands open. */
  open?: true;
  /** The pod saw it grow slower or fail more and more. */
  worsening?: true;
  /** Percent that is left of the tightest limit the provider told of. */
  headroom?: number;
}

export interface ProvidersReport {
  /** Milliseconds that the counts cover. */
  ms: number;
  sightings: SightingReport[];
}

/** What all pods together know of one model at one provider, as far as the pod may be told. */
export interface ProviderHint {
  provider: ItemId;
  /** Absent: every model of it. */
  model?: string;
  /** Absent: nothing is held against it. */
  state?: 'Down' | 'Slow';
  /** Milliseconds to the committing event that half of the attempts, and 95 of 100, stay below. */
  p50?: number;
  p95?: number;
  /** Attempts of all pods in a minute. */
  perMinute?: number;
  headroom?: number;
}

export interface ProviderHints {
  /** Milliseconds for which they hold. */
  holds: number;
  hints: ProviderHint[];
  /** Providers that this pod is to probe for all. */
  probe?: ItemId[];
}

/** Of a class of failures: a newer pod may have others than we know. */
const FAILURE = /^[A-Z][A-Za-z]{1,31}$/;
const MAX_FAILURES = 32;
const MAX_NAME = 640;
const MAX_COUNT = 10_000_000;
const MAX_MS = 3_600_000;
/** Longest time for which a hint is believed, whatever it says itself. */
const MAX_HOLDS = 120_000;

/** Undefined: not of the agreed form. */
export function readProvidersReport(value: unknown): ProvidersReport | undefined {
  const { ms, sightings } = members(value);
  if (!within(ms, MAX_MS) || !Array.isArray(sightings) || sightings.length > MAX_SIGHTINGS) return undefined;
  const read = sightings.map(readSighting);
  return read.includes(undefined) ? undefined : { ms, sightings: read as SightingReport[] };
}

function readSighting(value: unknown): SightingReport | undefined {
  const { provider, model, ok, errors, latency, open, worsening, headroom } = members(value);
  if (!isName(provider) || (model !== undefined && !isName(model)) || !isCount(ok)) return undefined;
  const counted = Object.entries(members(errors));
  if (
    counted.length > MAX_FAILURES ||
    counted.some(([name, count]) => !FAILURE.test(name) || !isCount(count))
  )
    return undefined;
  if (!Array.isArray(latency) || latency.length > 2 * SKETCH_CLASSES || latency.length % 2 !== 0)
    return undefined;
  const sound = latency.every((each, i) =>
    i % 2 === 0 ? isCount(each) && each < SKETCH_CLASSES : isCount(each),
  );
  if (!sound || (headroom !== undefined && !within(headroom, 100))) return undefined;
  return {
    provider,
    ...(model !== undefined && { model }),
    ok,
    errors: Object.fromEntries(counted) as SightingReport['errors'],
    latency: latency as number[],
    ...(open === true && { open }),
    ...(worsening === true && { worsening }),
    ...(headroom !== undefined && { headroom }),
  };
}

/** What can be believed of hints: entries that are of no agreed form are left out. */
export function readProviderHints(value: unknown): ProviderHints {
  const { holds, hints, probe } = members(value);
  const list = Array.isArray(hints) ? hints.slice(0, MAX_PROVIDER_HINTS) : [];
  const named = Array.isArray(probe) ? probe.slice(0, MAX_PROVIDER_HINTS) : [];
  return {
    holds: within(holds, MAX_MS) ? Math.min(holds, MAX_HOLDS) : 0,
    hints: list.flatMap((each) => readHint(each) ?? []),
    probe: named.filter(isName),
  };
}

function readHint(value: unknown): ProviderHint | undefined {
  const { provider, model, state, p50, p95, perMinute, headroom } = members(value);
  if (!isName(provider) || (model !== undefined && !isName(model))) return undefined;
  return {
    provider,
    ...(model !== undefined && { model }),
    ...((state === 'Down' || state === 'Slow') && { state }),
    ...(within(p50, MAX_MS) && { p50 }),
    ...(within(p95, MAX_MS) && { p95 }),
    ...(within(perMinute, 1e9) && { perMinute }),
    ...(within(headroom, 100) && { headroom }),
  };
}

const members = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME;

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MAX_COUNT;

const within = (value: unknown, max: number): value is number =>
  typeof value === 'number' && value >= 0 && value <= max;
