/**
 * The clocks of one attempt: which of its deadlines is next, and which has passed. Pure: time is an argument.
 *
 * Content restarts `interToken`; pings and comments do not, however alive they show the connection to be. While the
 * caller does not keep up, the provider is not to blame for the pause, so its progress is not timed and the caller's is.
 */
import type { TimeoutsBody } from '../snapshot/schema.ts';

export type Due =
  | 'Request'
  | 'Stall'
  | 'Linger'
  | 'Connect'
  | 'Commit'
  | 'Attempt'
  | 'Progress'
  | 'Hold'
  | 'Listen'
  | 'Rate'
  | 'Silence';

const NEVER = Number.POSITIVE_INFINITY;
/** Between the last event of a stream and the end of its response. */
const LINGER_MS = 1000;

export class Timeouts {
  /** When something is due next. */
  next = NEVER;
  connected = false;
  paused = false;
  readonly #limits: TimeoutsBody;
  readonly #stream: boolean;
  readonly #requestBy: number;
  readonly #attemptBy: number;
  readonly #connectBy: number;
  #commitBy: number;
  #progressBy = NEVER;
  #holdBy = NEVER;
  #stallBy = NEVER;
  #lingerBy = NEVER;
  #listenBy = NEVER;
  #rateBy = NEVER;
  #silenceBy = NEVER;
  /** The earliest of those that progress does not move. */
  #fixedBy = NEVER;

  /** `commitBy`: when this attempt's share of the time before commit is over. */
  constructor(limits: TimeoutsBody, stream: boolean, startedAt: number, requestBy: number, commitBy: number) {
    this.#limits = limits;
    this.#stream = stream;
    this.#requestBy = requestBy;
    this.#attemptBy = startedAt + limits.attemptMs;
    this.#connectBy = startedAt + limits.connectMs;
    this.#commitBy = commitBy;
    this.#schedule();
  }

  connect(now: number, firstTokenMs = this.#limits.firstTokenMs): void {
    this.connected = true;
    if (this.#stream) this.#progressBy = now + firstTokenMs;
    this.#schedule();
  }

  hold(now: number, ms: number): void {
    this.#holdBy = now + ms;
    this.#schedule();
  }

  holdOver(): void {
    this.#holdBy = NEVER;
    this.#schedule();
  }

  /** Look at `now + ms` whether the caller has heard anything meanwhile. No timeout: the provider is not judged by it. */
  listen(now: number, ms: number): void {
    this.#listenBy = now + ms;
    this.#schedule();
  }

  /** Look at `now + ms` how much has come meanwhile; again once the answer flows again, where its caller held it up. */
  rate(now: number, ms: number): void {
    this.#rateBy = now + ms;
    this.#schedule();
  }

  /** Look then whether the target answers anybody; until the attempt commits. No timeout by itself. */
  watch(by: number): void {
    this.#silenceBy = by;
    this.#schedule();
  }

  commit(): void {
    this.#commitBy = NEVER;
    this.#silenceBy = NEVER;
    this.#holdBy = NEVER;
    this.#schedule();
  }

  /** Content came. Called for every chunk of a stream, so it does no more than it must. */
  progress(now: number): void {
    if (!this.#stream || this.paused) return;
    const by = now + this.#limits.interTokenMs;
    this.#progressBy = by;
    this.next = by < this.#fixedBy ? by : this.#fixedBy;
  }

  /** The last event came: the response should end any moment. */
  lastEvent(now: number): void {
    this.#progressBy = NEVER;
    this.#listenBy = NEVER;
    this.#rateBy = NEVER;
    this.#lingerBy = now + LINGER_MS;
    this.#schedule();
  }

  pause(now: number): void {
    this.paused = true;
    this.#stallBy = now + this.#limits.clientStallMs;
    this.#schedule();
  }

  resume(now: number): void {
    this.paused = false;
    this.#stallBy = NEVER;
    if (this.#progressBy !== NEVER) this.#progressBy = now + this.#limits.interTokenMs;
    if (this.#lingerBy !== NEVER) this.#lingerBy = now + LINGER_MS;
    this.#schedule();
  }

  /** The first in rank of what has passed. */
  due(now: number): Due | undefined {
    if (now < this.next) return undefined;
    if (now >= this.#requestBy) return 'Request';
    if (now >= this.#stallBy) return 'Stall';
    if (!this.connected && now >= this.#connectBy) return 'Connect';
    if (now >= this.#commitBy) return 'Commit';
    if (now >= this.#attemptBy) return 'Attempt';
    if (!this.paused && now >= this.#lingerBy) return 'Linger';
    if (!this.paused && now >= this.#progressBy) return 'Progress';
    if (now >= this.#holdBy) return 'Hold';
    if (now >= this.#rateBy) return 'Rate';
    if (now >= this.#silenceBy) return 'Silence';
    return now >= this.#listenBy ? 'Listen' : undefined;
  }

  #schedule(): void {
    let by = Math.min(this.#requestBy, this.#attemptBy, this.#commitBy);
    by = Math.min(by, this.#holdBy, this.#listenBy, this.#rateBy, this.#silenceBy);
    if (!this.connected) by = Math.min(by, this.#connectBy);
    if (this.paused) by = Math.min(by, this.#stallBy);
    else by = Math.min(by, this.#lingerBy);
    this.#fixedBy = by;
    this.next = this.paused ? by : Math.min(by, this.#progressBy);
  }
}

/** Milliseconds as a person writes them. */
export const shown = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${Math.round(ms)}ms`);
