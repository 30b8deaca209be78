/** Time as an argument: everything of the sync that waits or expires takes a Clock, so tests need not wait. */

export interface Clock {
  /** Milliseconds that never jump; only differences mean anything. */
  monotonic(): number;
  /** Milliseconds since the epoch; only for times that others stated, such as a token's expiry. */
  wall(): number;
  /** Runs `task` once after `ms`. */
  after(ms: number, task: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, task) => {
    const handle = setTimeout(task, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};
