/** How a request body is to be read, and the one way of not getting it that is nobody's error. */
import type { MemoryHold } from '../limits/memory-budget.ts';

/** The caller went away before its request was complete. */
export class CallerGone extends Error {
  constructor() {
    super('the caller left before its request was complete');
    this.name = 'CallerGone';
  }
}

export interface BodyOptions {
  /** Largest body in bytes, after decoding. */
  limit: number;
  /** Holds what the body takes; released by whoever owns it. */
  hold: MemoryHold;
  contentLength: string | undefined;
  contentEncoding: string | undefined;
  /** Called before the first byte is taken, once there is room: tells a caller that waits for `100 Continue`. */
  accept?: (() => void) | undefined;
}
