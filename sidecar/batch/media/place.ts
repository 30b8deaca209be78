/** Where a sidecar is told to keep batches: a directory of its own, or a store that it shares with others. */
import type { Clock } from '../../snapshot/clock.ts';
import type { Medium } from './medium.ts';

export type SpoolPlace =
  | { directory: string }
  /** `scope`: who shares the slots of the store. Unset: the pod's namespace and workload. */
  | { url: string; ca?: string | undefined; scope?: string | undefined };

export interface PlaceParts {
  clock: Clock;
  /** Of the pod; unset: nobody in particular. */
  scope: string;
  warn: (message: string) => void;
}

/** Loads what it needs only. Throws where it cannot be used. */
export async function openPlace(place: SpoolPlace, { clock, scope, warn }: PlaceParts): Promise<Medium> {
  if ('directory' in place) {
    const { openDirectory } = await import('./directory.ts');
    return openDirectory(place.directory);
  }
  const { openStore } = await import('./store.ts');
  const { url, ca } = place;
  let said = '';
  const onError = (problem: string): void => {
    // A store that is gone says so at each try.
    if (problem !== said) warn(`the store of batches: ${problem}`);
    said = problem;
  };
  return openStore({ url, ca, scope: place.scope ?? scope, clock, warn, onError });
}

/** Without what may be secret. */
export const placeName = (place: SpoolPlace): string =>
  'directory' in place ? place.directory : `in the store at ${new URL(place.url).host}`;
