/** When a target that others stand behind is full: by what waits at the server, or by how long answers take to begin. */
import type { ProviderBody } from '../../snapshot/schema.ts';
import type { Candidate } from '../plan.ts';
import type { Doubt, OutlookView } from './outlook.ts';
import type { Sightings } from './sightings.ts';

/** Requests that wait at the provider's server; undefined: it does not tell. */
export type QueueDepth = (providerId: string, provider: ProviderBody, now: number) => number | undefined;

/** How long a measured slowness keeps requests away; then one goes and sees, and the next ones wait for what it finds. */
const LOOK_EVERY_MS = 5_000;

export function fullness(sightings: Sightings, depthOf: QueueDepth): OutlookView['full'] {
  return (candidate, now) => {
    const { spillover } = candidate.target;
    if (!spillover) return undefined;
    const { queueDepth, latencyMs } = spillover;
    return (
      (queueDepth === undefined ? undefined : deep(candidate, queueDepth, now, sightings, depthOf)) ??
      (latencyMs === undefined ? undefined : slow(candidate, latencyMs, now, sightings))
    );
  };
}

function deep(
  candidate: Candidate,
  most: number,
  now: number,
  sightings: Sightings,
  depthOf: QueueDepth,
): Doubt | undefined {
  const told = depthOf(candidate.providerId, candidate.provider, now);
  const depth = told ?? sightings.of(candidate)?.inFlight ?? 0;
  if (depth < most) return undefined;
  const what = told === undefined ? 'requests of this pod are under way' : 'requests wait at the server';
  return spilled(`${depth} ${what}, and spillover.queueDepth is ${most}`);
}

function slow(candidate: Candidate, most: number, now: number, sightings: Sightings): Doubt | undefined {
  const sighting = sightings.of(candidate);
  const pace = sighting?.pace;
  if (!sighting || pace === undefined || pace < most) return undefined;
  // Nothing is under way, and what was seen is old: one request finds out.
  if (sighting.inFlight === 0 && now - sighting.seenAt >= LOOK_EVERY_MS) return undefined;
  return spilled(`answers begin after ${Math.round(pace)} ms, and spillover.latency is ${most} ms`);
}

const spilled = (detail: string): Doubt => ({ reason: 'Spilled', share: 1, behind: 'Rule', detail });
