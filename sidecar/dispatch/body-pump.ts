/**
 * Moves a caller's request body to a provider as it comes, no faster than the provider takes it. While the provider takes
 * nothing, the caller's connection is not read, so a caller that leaves then is noticed when the provider goes on, or when
 * the attempt runs out of time.
 */
import type { IncomingMessage } from 'node:http';
import type { UpstreamCall } from './upstream-call.ts';

const PUMP = Symbol('pump');
type Tagged<T> = T & { [PUMP]?: BodyPump | undefined };

export class BodyPump {
  readonly #from: Tagged<IncomingMessage>;
  readonly #to: UpstreamCall;

  constructor(from: IncomingMessage, to: UpstreamCall) {
    this.#from = from;
    this.#to = to;
  }

  /** `head` was read already and goes first; `complete`: it is all there is. */
  start(head: readonly Buffer[], complete: boolean): void {
    let room = true;
    for (const chunk of head) room = this.#to.write(chunk);
    if (complete) {
      this.#to.finish();
      return;
    }
    this.#from[PUMP] = this;
    this.#from.on('data', onData);
    this.#from.on('end', onEnd);
    this.#to.drained = () => this.#from.resume();
    if (room) this.#from.resume();
  }

  /** Whatever is still to come from the caller is read and dropped, so that its connection stays usable. */
  stop(): void {
    if (this.#from[PUMP] !== this) return;
    this.#from[PUMP] = undefined;
    this.#to.drained = undefined;
    this.#from.resume();
  }

  move(chunk: Buffer): void {
    if (!this.#to.write(chunk)) this.#from.pause();
  }

  end(): void {
    this.#to.finish();
  }
}

function onData(this: Tagged<IncomingMessage>, chunk: Buffer): void {
  this[PUMP]?.move(chunk);
}
function onEnd(this: Tagged<IncomingMessage>): void {
  this[PUMP]?.end();
}
