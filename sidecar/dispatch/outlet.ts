/** The caller's side of a response, as receivers see it. */

import type { Exchange } from '../exchange.ts';
import type { MemoryHold } from '../limits/memory-budget.ts';
import type { UpstreamCall } from './upstream-call.ts';

export interface Outlet {
  readonly exchange: Exchange;
  /** Bytes held for this response; released with it. */
  readonly held: MemoryHold;
  /** Bytes of the body that were written so far. */
  readonly written: number;
  /** Writes the head: from here on no other attempt is made. `contentLength` is undefined where the end is not known. */
  commit(call: UpstreamCall, contentLength: number | undefined): void;
  /** Writes to the caller; pauses the call when the caller does not keep up. */
  write(call: UpstreamCall, bytes: Buffer): void;
  /** Several at once, in one go to the kernel. */
  writeAll(call: UpstreamCall, bytes: readonly Buffer[]): void;
  /** Sends the head even while there is nothing to go with it. */
  flushHead(): void;
  /** Ends the response. */
  end(bytes?: Buffer): void;
  /** Whether another attempt could still replace this one. */
  hasAlternative(): boolean;
}
