/**
 * One event stream to one sidecar, latest-only. While a write is on its way to the kernel nothing more is queued: what
 * becomes due meanwhile is remembered as "differs from what was written" and goes out as one write, in its latest form.
 * A slow reader therefore skips versions, costs a fixed amount of memory and holds nobody up.
 */
import type { CredentialsEvent, SnapshotEvent } from '../../sidecar/snapshot/messages.ts';

/** The part of an HTTP response that an announcer uses. */
export interface EventSink {
  write(text: string, written: (error?: Error | null) => void): unknown;
  end(): unknown;
  destroy(): unknown;
}

export interface Announcement {
  hash: string;
  credentialsVersion: string;
}

const HEARTBEAT = ':\n\n';
const NOTHING = '{}';

export class Announcer {
  readonly #sink: EventSink;
  readonly #now: () => number;
  readonly #onWritten: () => void;
  #wanted: Announcement | undefined;
  #written: Announcement | undefined;
  #hints: string | undefined;
  #writtenHints: string | undefined;
  #heartbeatDue = false;
  #writingSince: number | undefined;
  #lastWrite: number;
  #closed = false;

  /** `onWritten` is called after each announcement that reached the kernel. */
  constructor(sink: EventSink, now: () => number, onWritten: () => void) {
    this.#sink = sink;
    this.#now = now;
    this.#onWritten = onWritten;
    this.#lastWrite = now();
  }

  announce(announcement: Announcement): void {
    this.#wanted = announcement;
    this.#flush();
  }

  /** `hints` is the JSON of the event's data. Who was told nothing yet is not told that there is nothing. */
  hint(hints: string): void {
    if (hints === NOTHING && this.#writtenHints === undefined) return;
    this.#hints = hints;
    this.#flush();
  }

  heartbeat(): void {
    this.#heartbeatDue = true;
    this.#flush();
  }

  /** Milliseconds since something was last written. */
  quietFor(): number {
    return this.#now() - this.#lastWrite;
  }

  /** Milliseconds that the write under way has waited for the reader; 0 when none is. */
  stalledFor(): number {
    return this.#writingSince === undefined ? 0 : this.#now() - this.#writingSince;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Ends the stream after what is written. */
  end(): void {
    this.#closed = true;
    this.#sink.end();
  }

  /** Drops the connection. */
  destroy(): void {
    this.#closed = true;
    this.#sink.destroy();
  }

  #flush(): void {
    if (this.#closed || this.#writingSince !== undefined) return;
    const due = this.#dueText();
    const announced = due !== '';
    const hints = this.#hints === this.#writtenHints ? '' : `event: hints\ndata: ${this.#hints}\n\n`;
    const text = due + hints || (this.#heartbeatDue ? HEARTBEAT : '');
    if (text === '') return;
    this.#written = this.#wanted;
    this.#writtenHints = this.#hints;
    this.#heartbeatDue = false;
    this.#writingSince = this.#now();
    this.#lastWrite = this.#writingSince;
    this.#sink.write(text, (error) => {
      this.#writingSince = undefined;
      if (error) return;
      if (announced) this.#onWritten();
      this.#flush();
    });
  }

  /** Credentials first, so that a reader that acts on each event has the keys of a route before the route. */
  #dueText(): string {
    const [wanted, written] = [this.#wanted, this.#written];
    let text = '';
    if (wanted && wanted.credentialsVersion !== written?.credentialsVersion) {
      const credentials: CredentialsEvent = { version: wanted.credentialsVersion };
      text += `event: credentials\ndata: ${JSON.stringify(credentials)}\n\n`;
    }
    if (wanted && wanted.hash !== written?.hash) {
      const snapshot: SnapshotEvent = { hash: wanted.hash };
      text += `event: snapshot\nid: ${wanted.hash}\ndata: ${JSON.stringify(snapshot)}\n\n`;
    }
    return text;
  }
}
