/**
 * One answer on its way from a provider to everybody who asked for it. The flight owns the call: it ends when the last of
 * those who wait has left, and not before. What comes is kept while it may be stored or somebody has not read it.
 */
import type { ServerResponse } from 'node:http';
import { Delivery, type Pace, type Pieces } from './delivery.ts';
import { FlightResponse, type FlightSink } from './flight-response.ts';
import type { AnswerStore } from './store.ts';

/** How far the caller who reads the slowest may be behind before the provider waits, or it is let go if others read. */
const LAG_BYTES = 64 * 1024;

/** Somebody who waits for the answer of another request. */
export interface Follower {
  readonly delivery: Delivery;
  /** The head of its own answer, from what is kept of the flight's. */
  readonly head: (kept: readonly string[]) => string[];
  /** It begins; or it is this one's turn to ask, for itself and those that wait on; or it should look again. */
  readonly settle: (joined: Joined) => void;
  flight: Flight;
}

export type Joined = { kind: 'Answered' } | { kind: 'Lead'; others: Follower[] } | { kind: 'Again' };

export interface FlightOptions {
  path: string;
  store: AnswerStore;
  maxAnswerBytes: number;
  /** An answer is about to be sent: nobody can join any more. */
  onCommit: () => void;
  /** Of a head. */
  keep: (headers: readonly string[]) => string[];
}

export class Flight implements FlightSink, Pieces {
  readonly res: FlightResponse;
  /** Bytes of the answer that were written. */
  length = 0;
  headers: readonly string[] = [];
  status = 0;
  readonly #options: FlightOptions;
  readonly #readers: Delivery[] = [];
  #followers: Follower[] = [];
  #leader: Delivery | undefined;
  #chunks: (Buffer | undefined)[] = [];
  #forgotten = 0;
  #reserved = 0;
  #storable = true;
  #ended = false;
  #only: number | undefined;

  constructor(options: FlightOptions, followers: Follower[] = []) {
    this.#options = options;
    this.#followers = followers;
    for (const follower of followers) follower.flight = this;
    this.res = new FlightResponse(options.path, this);
    this.res.on('close', () => this.#closed());
  }

  get count(): number | undefined {
    return this.#ended ? this.#chunks.length : undefined;
  }

  get only(): number | undefined {
    return this.#only;
  }

  piece(index: number): Buffer | undefined {
    return this.#chunks[index];
  }

  /** Whoever pays for it. */
  lead(res: ServerResponse, pace: Pace): Delivery {
    this.#leader = new Delivery(res, pace, () => this.#moved());
    this.#readers.push(this.#leader);
    if (this.#leader.over) this.#moved();
    return this.#leader;
  }

  /** Waits with the leader. */
  join(
    res: ServerResponse,
    pace: Pace,
    head: Follower['head'],
  ): { follower: Follower; joined: Promise<Joined> } {
    let settle: Follower['settle'] = () => {};
    const joined = new Promise<Joined>((resolve) => (settle = resolve));
    const delivery = new Delivery(res, pace, () => follower.flight.#moved());
    const follower: Follower = { delivery, head, settle, flight: this };
    this.#followers.push(follower);
    return { follower, joined };
  }

  /** Of a follower whose patience is over: it is not told anything more. */
  leave({ delivery }: Follower): void {
    delivery.detach();
    this.#moved();
  }

  /** Nothing came of it: the first of those who wait asks itself, and the others wait for that. */
  failed(): void {
    const [first, ...others] = this.#waiting();
    this.#followers = [];
    if (!first) return;
    first.delivery.detach();
    first.settle({ kind: 'Lead', others });
  }

  /** The answer was found where nobody had to ask for it. */
  arrived(): void {
    for (const { settle, delivery } of this.#waiting()) {
      delivery.detach();
      settle({ kind: 'Again' });
    }
    this.#followers = [];
  }

  /** The answer in one piece that shares its memory with nothing; undefined: it is not to be stored. */
  recorded(): Buffer | undefined {
    if (!this.#storable || !this.#ended) return undefined;
    const body = Buffer.allocUnsafeSlow(this.length);
    let at = 0;
    for (const chunk of this.#chunks) at += chunk?.copy(body, at) ?? 0;
    return body;
  }

  /** Gives back the room that was taken for recording. */
  release(): void {
    this.#options.store.release(this.#reserved);
    this.#reserved = 0;
    this.#storable = false;
  }

  // What dispatch writes

  head(status: number, headers: readonly string[]): void {
    this.#options.onCommit();
    this.status = status;
    this.headers = headers;
    this.#leader?.head(status, headers);
    if (status !== 200) {
      this.#storable = false;
      this.failed();
      return;
    }
    const kept = this.#options.keep(headers);
    const length = contentLength(headers);
    for (const { delivery, head, settle } of this.#waiting()) {
      delivery.head(status, length === undefined ? head(kept) : [...head(kept), 'content-length', length]);
      this.#readers.push(delivery);
      settle({ kind: 'Answered' });
    }
    this.#followers = [];
  }

  bytes(chunk: Buffer): boolean {
    if (chunk.length === 0) return true;
    if (this.length === 0 && contentLength(this.headers) === String(chunk.length)) this.#only = chunk.length;
    this.length += chunk.length;
    this.#chunks.push(chunk);
    if (this.#storable) this.#record(chunk.length);
    for (const reader of this.#readers) reader.pull(this);
    return this.#keepsUp();
  }

  flush(): void {
    for (const reader of this.#readers) reader.flush();
  }

  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.pull(this);
  }

  #record(bytes: number): void {
    const { store, maxAnswerBytes } = this.#options;
    if (this.length <= maxAnswerBytes && store.reserve(bytes)) this.#reserved += bytes;
    else this.release();
  }

  #waiting(): Follower[] {
    return this.#followers.filter(({ delivery }) => !delivery.over);
  }

  /** A caller has read, or left. */
  #moved(): void {
    if (this.#ended || this.res.destroyed) return;
    const reading = this.#readers.some(({ over }) => !over);
    if (!reading && this.#waiting().length === 0) {
      this.res.destroy();
      return;
    }
    if (this.#keepsUp()) this.res.readOn();
  }

  /** Whether everybody who reads has come close; forgets what all have read and nobody will store. */
  #keepsUp(): boolean {
    const lagOf = (reader: Delivery): number => this.length - reader.written;
    const reading = this.#readers.filter(({ over }) => !over);
    if (reading.some((reader) => lagOf(reader) < LAG_BYTES)) {
      // Others do not wait for one who does not read, while nobody stores what it would come back for.
      if (!this.#storable) {
        for (const reader of reading) if (lagOf(reader) >= 2 * LAG_BYTES) reader.breakOff();
      }
    } else if (reading.length > 0) {
      return false;
    }
    if (!this.#storable) this.#forget(reading);
    return true;
  }

  #forget(reading: readonly Delivery[]): void {
    let least = this.#chunks.length;
    for (const { next } of reading) least = Math.min(least, next);
    for (; this.#forgotten < least; this.#forgotten++) this.#chunks[this.#forgotten] = undefined;
  }

  /** Dispatch has broken it off: whoever has a part of it cannot be given the rest. */
  #closed(): void {
    if (this.#ended) return;
    for (const reader of this.#readers) reader.breakOff();
    if (this.status === 0) this.failed();
  }
}

function contentLength(headers: readonly string[]): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if ((headers[i] as string).toLowerCase() === 'content-length') return headers[i + 1];
  }
  return undefined;
}
