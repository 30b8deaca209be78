/** Hands an answer, whole or still growing, to one caller at its own pace. */
import type { ServerResponse } from 'node:http';
import { endAnswer } from '../server/one-piece.ts';
import type { Clock, Timer } from '../snapshot/clock.ts';

/** Written whole; the caller left; it did not read; the answer could not be completed, or fell too far behind. */
export type Ending = 'Whole' | 'Left' | 'Stalled' | 'Broken';

export interface Pace {
  clock: Clock;
  /** How long a caller may not read. */
  stallMs: number;
}

/** Where the pieces of an answer are. */
export interface Pieces {
  /** The piece of that number; undefined: it is not there yet. */
  piece(index: number): Buffer | undefined;
  /** There will be no more than this many; undefined: nobody knows yet. */
  readonly count: number | undefined;
  /** Bytes of the one piece that is all of it; undefined: there may be more. */
  readonly only: number | undefined;
}

export class Delivery {
  /** Resolves when nothing more is written. */
  readonly done: Promise<Ending>;
  readonly res: ServerResponse;
  readonly #pace: Pace;
  readonly #onMoved: () => void;
  #settle: (ending: Ending) => void = () => {};
  #next = 0;
  #bytes = 0;
  #status = 0;
  #blocked = false;
  #ended = false;
  #broken = false;
  #over = false;
  #timer: Timer | undefined;
  #pieces: Pieces | undefined;

  /** `onMoved`: the caller has read, or is gone. */
  constructor(res: ServerResponse, pace: Pace, onMoved: () => void = () => {}) {
    this.res = res;
    this.#pace = pace;
    this.#onMoved = onMoved;
    this.done = new Promise((resolve) => (this.#settle = resolve));
    if (res.destroyed || res.closed) {
      this.#over = true;
      this.#settle('Left');
      return;
    }
    res.on('close', this.#closed);
    res.on('drain', this.#drained);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Number of the piece that comes next. */
  get next(): number {
    return this.#next;
  }

  get written(): number {
    return this.#bytes;
  }

  /** Sent to the caller; 0: nothing was. */
  get status(): number {
    return this.#status;
  }

  head(status: number, headers: readonly string[]): void {
    if (this.#over) return;
    this.#status = status;
    this.res.writeHead(status, headers as string[]);
  }

  flush(): void {
    if (!this.#over && this.#status !== 0) this.res.flushHeaders();
  }

  /** Writes what is there and was not written. */
  pull(pieces: Pieces): void {
    this.#pieces = pieces;
    while (!this.#over && !this.#ended && !this.#blocked) {
      const piece = pieces.piece(this.#next);
      if (piece === undefined) {
        if (pieces.count !== undefined && this.#next >= pieces.count) this.#end();
        return;
      }
      this.#next++;
      this.#bytes += piece.length;
      if (pieces.only === piece.length) {
        this.#ended = true;
        this.#watch();
        endAnswer(this.res, piece);
        return;
      }
      if (!this.res.write(piece)) {
        this.#blocked = true;
        this.#watch();
      }
    }
  }

  /** The answer will not be completed, or not for this caller. */
  breakOff(): void {
    if (this.#over) return;
    this.#broken = true;
    this.res.destroy();
  }

  /** Lets the caller go on waiting for somebody else's answer. */
  detach(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.res.off('close', this.#closed);
    this.res.off('drain', this.#drained);
  }

  #end(): void {
    this.#ended = true;
    this.#watch();
    this.res.end();
  }

  #watch(): void {
    this.#timer ??= this.#pace.clock.after(this.#pace.stallMs, () => {
      this.#timer = undefined;
      this.#over = true;
      this.#settle('Stalled');
      this.res.destroy();
      this.#onMoved();
    });
  }

  #unwatch(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #drained = (): void => {
    this.#blocked = false;
    if (!this.#ended) this.#unwatch();
    if (this.#pieces) this.pull(this.#pieces);
    this.#onMoved();
  };

  readonly #closed = (): void => {
    this.#unwatch();
    if (this.#over) return;
    this.#over = true;
    const whole = this.#ended && this.res.writableFinished;
    this.#settle(whole ? 'Whole' : this.#broken ? 'Broken' : 'Left');
    this.#onMoved();
  };
}
