/**
 * How long a caller has heard nothing on a committed stream. Balancers and clients close connections that are idle for a minute
 * or two, while models think for longer; what is sent into the silence says nothing but that somebody is there.
 *
 * It is looked at now and then, not set back with every byte: a stream that runs pays nothing for it. So what is called silence
 * has lasted between one and one and a third of `SILENCE_MS`.
 */

const SILENCE_MS = 15_000;
/** How often to look. */
export const LISTEN_EVERY_MS = 5000;

/** Every reader of server-sent events leaves comments aside. */
export const COMMENT = Buffer.from(': keep-alive\n\n');

export class Silence {
  #since: number;
  #written: number;

  /** `written`: bytes that the caller was sent so far, of anything. */
  constructor(now: number, written: number) {
    this.#since = now;
    this.#written = written;
  }

  /** Whether nothing was written for long; asked at least every `LISTEN_EVERY_MS`. */
  isLong(now: number, written: number): boolean {
    if (written !== this.#written) this.broken(now, written);
    return now - this.#since >= SILENCE_MS;
  }

  /** Something was written just now. */
  broken(now: number, written: number): void {
    this.#since = now;
    this.#written = written;
  }
}
