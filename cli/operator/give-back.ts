/**
 * An operator's memory follows its cluster up and, left to itself, hardly down again: what a start, a list of everything or the arrival
 * of a fleet took for a moment stays, since nobody collects it while a process rests. So it is collected thoroughly once it is started,
 * and again whenever memory has grown while there is little to do. It stops everything for a third of a second at 2,000 routes.
 */
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';
import { collect } from '../give-back.ts';

const AFTER_START_MS = 1_000;
const LOOK_MS = 3_000;
/** Between two collections. */
const APART_MS = 6_000;
/** Since it was last collected, and as a share of what was left then; less is not worth a pause, which is longer the more there is. */
const GROWN_BYTES = 4 * 1024 * 1024;
const GROWN_SHARE = 1 / 32;
/** Of a core, since the last look; above that, pauses would be in somebody's way. */
const BUSY_SHARE = 0.25;

export interface Process {
  /** Bytes that the process has of the machine. */
  resident(): number;
  /** Cores that the process used since the last call. */
  utilization(): number;
}

/** Does nothing where Node was started without `--expose-gc`. */
export function giveBackAtRest(clock: Clock, self: Process = thisProcess()): { stop(): void } {
  let timer: Timer | undefined;
  let resident: number | undefined;
  let at = 0;
  const look = (): void => {
    const share = self.utilization();
    const now = clock.monotonic();
    const grown =
      resident === undefined || self.resident() - resident >= Math.max(GROWN_BYTES, resident * GROWN_SHARE);
    // The first time nobody knows it yet, and a start is busy by nature.
    if (grown && (resident === undefined || (share < BUSY_SHARE && now - at >= APART_MS))) {
      collect();
      resident = self.resident();
      at = now;
    }
    timer = clock.after(LOOK_MS, look);
  };
  if (globalThis.gc) timer = clock.after(AFTER_START_MS, look);
  return { stop: () => timer?.cancel() };
}

function thisProcess(): Process {
  let [last, at] = [process.cpuUsage(), performance.now()];
  return {
    resident: () => process.memoryUsage.rss(),
    // Not how busy the event loop was: on a machine that others keep busy, it waits for its turn with nothing done.
    utilization() {
      const { user, system } = process.cpuUsage(last);
      const milliseconds = performance.now() - at;
      [last, at] = [process.cpuUsage(), performance.now()];
      return (user + system) / 1_000 / milliseconds;
    },
  };
}
