/** What changes the order of targets besides the strategy, and how a provider is asked whether it is well. */

/** When requests go on to the other targets although this one could be tried. At least one member; the first that is reached counts. */
export interface SpilloverBody {
  /** Requests that wait at the server; in its own words where it tells, else those of this pod that are under way. */
  queueDepth?: number;
  /** Mean time to the first content of late. */
  latencyMs?: number;
}

/** Among targets of one priority. */
export interface LocalityBody {
  /** Providers whose region is that of the pod come first. */
  prefer: 'SameRegion';
}

/** Asked by a few sidecars for all. Exactly one of `path` and `model`. */
export interface ActiveCheckBody {
  /** Appended to the URL of the provider; a GET with its key. */
  path?: string;
  /** Asked for one token of output. */
  model?: string;
  intervalMs: number;
  timeoutMs: number;
  /** In a row, until what is asked counts as down, or as well again. */
  unhealthyAfter: number;
  healthyAfter: number;
}
