/** The answer of an unread path: whatever the provider says is handed on as it comes. */
import { headerValue } from '../http1/header-value.ts';
import type { Outlet } from './outlet.ts';
import type { Receiver } from './receiver.ts';
import type { UpstreamCall } from './upstream-call.ts';

export class RawReceiver implements Receiver {
  readonly #call: UpstreamCall;
  readonly #outlet: Outlet;

  constructor(call: UpstreamCall, outlet: Outlet) {
    this.#call = call;
    this.#outlet = outlet;
    const length = Number(headerValue(call.rawHeaders, 'content-length') ?? Number.NaN);
    outlet.commit(call, Number.isSafeInteger(length) ? length : undefined);
    outlet.flushHead();
  }

  chunk(bytes: Buffer): void {
    this.#call.attempt.outputBytes += bytes.length;
    this.#outlet.write(this.#call, bytes);
  }

  end(): void {
    this.#call.succeed();
    this.#outlet.end();
  }

  breakOff(): boolean {
    return false;
  }

  holdOver(): void {
    // Committed from the start.
  }

  note(): void {
    // Nothing is read.
  }
}
