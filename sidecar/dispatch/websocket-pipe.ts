/** One direction of a WebSocket: bytes as they come, at the pace of the slower side, metered on the way. */
import type { Duplex } from 'node:stream';
import { FrameMeter } from './websocket-frames.ts';

export class SocketPipe {
  readonly meter = new FrameMeter();
  readonly #from: Duplex;
  readonly #to: Duplex;
  readonly #pace: (paused: boolean) => void;
  /** What is put in at the end of the frame at hand, and nothing behind it. */
  #last: Buffer | undefined = undefined;
  #ended = false;

  /** `pace` hears when the receiving side cannot take more, and when it can again. */
  constructor(from: Duplex, to: Duplex, pace: (paused: boolean) => void) {
    this.#from = from;
    this.#to = to;
    this.#pace = pace;
    from.on('data', (chunk: Buffer) => this.#move(chunk));
    from.on('end', () => this.#end());
    to.on('drain', () => {
      this.#pace(false);
      this.#from.resume();
    });
  }

  /** Ends this direction with a frame of ours, between two frames of theirs. */
  endWith(frame: Buffer): void {
    this.#last ??= frame;
    if (this.meter.atBoundary) this.#finish();
  }

  /** `head` came with the handshake. */
  start(head: Buffer): void {
    if (head.length > 0) this.#move(head);
    this.#from.resume();
  }

  #move(chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#last === undefined) {
      this.meter.follow(chunk);
      if (!this.#to.write(chunk)) {
        this.#pace(true);
        this.#from.pause();
      }
      return;
    }
    this.#to.write(chunk.subarray(0, this.meter.follow(chunk, true)));
    if (this.meter.atBoundary) this.#finish();
  }

  #finish(): void {
    if (this.#ended || this.#last === undefined) return;
    this.#ended = true;
    this.#to.write(this.#last);
    // Whatever still comes is read and dropped, so that the other side's own close is seen.
    this.#from.resume();
  }

  #end(): void {
    this.#ended = true;
    this.#to.end();
  }
}
