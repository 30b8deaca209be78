/**
 * Reads the body of a watch: one JSON event per line, for minutes or hours, on a connection that may die without a word.
 */
import type { IncomingMessage } from 'node:http';
import type { KubeObject } from '../../crds/common.ts';
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';

export interface WatchEvent {
  type: string;
  object: KubeObject;
}

/**
 * How a watch ended. Closed: the server ended it, as it does at its own time limit. Broken: the socket died. Idle: nothing
 * came for so long that the connection must be dead. Malformed: a line was not an event, so an unknown change is missing.
 */
export type WatchEnd = 'Closed' | 'Broken' | 'Idle' | 'Malformed';

export interface WatchReader {
  clock: Clock;
  signal: AbortSignal;
  /** Milliseconds of silence after which the connection counts as dead; asked again after every sign of life. */
  idleMs(): number;
  /** Throwing ends the watch and rejects with what was thrown. */
  onEvent(event: WatchEvent): void;
}

/** The API server refuses objects beyond 3 MiB; a longer line is not one. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

export function readEvents(response: IncomingMessage, reader: WatchReader): Promise<WatchEnd> {
  const { clock, signal } = reader;
  return new Promise((resolve, reject) => {
    const lines = new LineBuffer();
    let idle: Timer | undefined;
    let finished = false;
    const finish = (settle: () => void) => {
      if (finished) return;
      finished = true;
      idle?.cancel();
      signal.removeEventListener('abort', onAbort);
      response.removeAllListeners('data');
      // A destroyed response may still report an error; without a listener that would end the process.
      response.on('error', () => {});
      response.destroy();
      settle();
    };
    const end = (how: WatchEnd) => finish(() => resolve(how));
    const onAbort = () => end('Closed');
    const heard = () => {
      if (finished) return;
      idle?.cancel();
      idle = clock.after(reader.idleMs(), () => end('Idle'));
    };

    response.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) {
          const event = parseEvent(line);
          if (!event) return end('Malformed');
          reader.onEvent(event);
        }
        if (lines.size > MAX_LINE_BYTES) return end('Malformed');
      } catch (error) {
        return finish(() => reject(error));
      }
      heard();
    });
    response.once('end', () => end(lines.size === 0 ? 'Closed' : 'Broken'));
    response.once('error', () => end('Broken'));
    response.once('close', () => end('Broken'));
    signal.addEventListener('abort', onAbort, { once: true });
    heard();
  });
}

/** Joins chunks into lines without copying a line more than once. */
class LineBuffer {
  readonly #parts: Buffer[] = [];
  /** Bytes of the unfinished line. */
  size = 0;

  *push(chunk: Buffer): Generator<Buffer> {
    let start = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
      this.#parts.push(chunk.subarray(start, at));
      start = at + 1;
      const line = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
      this.#parts.length = 0;
      this.size = 0;
      if (line.length > 0) yield line;
    }
    if (start < chunk.length) {
      this.#parts.push(chunk.subarray(start));
      this.size += chunk.length - start;
    }
  }
}

function parseEvent(line: Buffer): WatchEvent | undefined {
  try {
    const event = JSON.parse(line.toString('utf8')) as Partial<WatchEvent> | null;
    if (typeof event?.type !== 'string' || typeof event.object !== 'object' || event.object === null)
      return undefined;
    return event as WatchEvent;
  } catch {
    return undefined;
  }
}
