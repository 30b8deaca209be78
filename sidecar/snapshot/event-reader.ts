/** Reads a server-sent-event stream chunk by chunk, in bounded memory. */

export interface ServerEvent {
  /** `message` where the stream names none. */
  type: string;
  data: string;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** Announcements are some hundred bytes; whatever is longer is not ours. */
const MAX_EVENT_BYTES = 65_536;

export class EventReader {
  #rest: Buffer = Buffer.alloc(0);
  #type = '';
  #data: string[] = [];
  #bytes = 0;

  /** The events that `chunk` completes. Throws when an event exceeds its bound. */
  read(chunk: Buffer): ServerEvent[] {
    const events: ServerEvent[] = [];
    let buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = buffer.indexOf(NEWLINE); end >= 0; end = buffer.indexOf(NEWLINE)) {
      this.#line(buffer.toString('utf8', 0, end > 0 && buffer[end - 1] === RETURN ? end - 1 : end), events);
      buffer = buffer.subarray(end + 1);
    }
    if (this.#bytes + buffer.length > MAX_EVENT_BYTES) throw new Error('an event of the stream is too long');
    // A copy, so that a small rest does not keep a large chunk alive.
    this.#rest = Buffer.from(buffer);
    return events;
  }

  #line(line: string, events: ServerEvent[]): void {
    if (line === '') {
      if (this.#data.length > 0) {
        events.push({ type: this.#type || 'message', data: this.#data.join('\n') });
      }
      this.#type = '';
      this.#data = [];
      this.#bytes = 0;
      return;
    }
    this.#bytes += line.length;
    if (this.#bytes > MAX_EVENT_BYTES) throw new Error('an event of the stream is too long');
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'event') this.#type = value;
    if (field === 'data') this.#data.push(value);
  }
}
