/** An outlook with everything in it, on a clock of the test. */
import { Outlook } from '../../../../sidecar/routing/outlook/outlook.ts';
import { Sightings, type SightingsOptions } from '../../../../sidecar/routing/outlook/sightings.ts';
import { fullness, type QueueDepth } from '../../../../sidecar/routing/outlook/spill.ts';
import { Suspicions } from '../../../../sidecar/routing/outlook/suspicions.ts';

export interface OutlookOptions extends SightingsOptions {
  region?: string;
  depth?: QueueDepth;
}

export function outlookOf({ region, depth = () => undefined, ...options }: OutlookOptions = {}) {
  const sightings = new Sightings(0, options);
  const suspicions = new Suspicions(() => 0);
  const view = new Outlook({ sightings, suspicions, region, full: fullness(sightings, depth) });
  return { sightings, suspicions, view };
}
