/**
 * Reads the answers on one connection, one after the other. Pure: bytes go in, and what they held is there to be fetched. Nothing
 * that comes out refers to the bytes that went in, so one buffer serves all connections.
 */
import { ChunkedBody } from './chunked.ts';
import { ProtocolError } from './protocol-error.ts';
import { parseResponseHead, type ResponseHead } from './response-head.ts';

const HEAD_LIMIT = 16 * 1024;
const BEGINNING = 'HTTP/1.';
const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);
const SWITCHING_PROTOCOLS = 101;

export class ResponseReader {
  /** Of the last read: the head of the answer, where it became whole. */
  head: ResponseHead | undefined = undefined;
  /** Of the last read: what came of the body. */
  body: Buffer | undefined = undefined;
  /** Why the answer cannot be read on; what is before that is told first. */
  error: ProtocolError | undefined = undefined;
  /** The answer is whole. */
  done = true;
  /** More came than belongs to the answer. */
  surplus = false;
  #method = '';
  #state: 'Head' | 'Length' | 'Chunked' | 'Close' = 'Head';
  /** What came of a head that is not whole yet. */
  #partial: Buffer = NOTHING;
  #left = 0;
  readonly #chunked = new ChunkedBody();
  /** What is being read, and where in it the first piece of the body is. */
  #bytes: Buffer = NOTHING;
  #from = 0;
  #to = 0;
  /** Where pieces are joined, if there is more than one. */
  #joined: Buffer | undefined = undefined;
  #length = 0;

  /** The answer to a request with this method is next. */
  expect(method: string): void {
    this.#method = method;
    this.#state = 'Head';
    this.#partial = NOTHING;
    this.forget();
    this.error = undefined;
    this.done = false;
    this.surplus = false;
  }

  /** Lets go of what the last read brought. */
  forget(): void {
    this.head = undefined;
    this.body = undefined;
  }

  read(bytes: Buffer): void {
    this.forget();
    this.#bytes = bytes;
    this.#to = 0;
    try {
      const at = this.#read(bytes);
      if (at < bytes.length) this.surplus = true;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.error = error;
    }
    this.body = this.#taken();
    this.#bytes = NOTHING;
  }

  /** The provider closed the connection; true: that was the end of the answer. */
  close(): boolean {
    if (this.#state !== 'Close' || this.done) return false;
    this.done = true;
    return true;
  }

  #read(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && !this.done) {
      switch (this.#state) {
        case 'Head':
          at = this.#readHead(bytes, at);
          break;
        case 'Chunked':
          at = this.#chunked.read(bytes, at, this.#take);
          this.done = this.#chunked.over;
          break;
        default: {
          const to = Math.min(bytes.length, at + this.#left);
          this.#take(at, to);
          this.#left -= to - at;
          this.done = this.#left === 0;
          at = to;
        }
      }
    }
    return at;
  }

  #readHead(bytes: Buffer, at: number): number {
    const before = this.#partial.length;
    const all = before === 0 ? bytes : Buffer.concat([this.#partial, bytes.subarray(at)]);
    const start = before === 0 ? at : 0;
    const end = all.indexOf(HEAD_END, Math.max(start, before - HEAD_END.length + 1));
    const length = (end < 0 ? all.length : end) - start;
    if (length > HEAD_LIMIT) throw new ProtocolError('HPE_HEADER_OVERFLOW', 'the head is too long');
    if (end < 0) {
      const begun = all.toString('latin1', start, start + BEGINNING.length);
      if (!BEGINNING.startsWith(begun)) {
        throw new ProtocolError('HPE_INVALID_CONSTANT', 'it does not begin as an answer of HTTP/1.1');
      }
      this.#partial = before === 0 ? Buffer.from(all.subarray(start)) : all;
      return bytes.length;
    }
    this.#partial = NOTHING;
    this.#begin(parseResponseHead(all.toString('latin1', start, end + 2), this.#method));
    const after = end + HEAD_END.length;
    return before === 0 ? after : bytes.length - (all.length - after);
  }

  #begin(head: ResponseHead): void {
    const { status, framing } = head;
    if (status === SWITCHING_PROTOCOLS) {
      throw new ProtocolError('HPE_PAUSED_UPGRADE', 'nobody asked it to switch protocols');
    }
    // What is said meanwhile (RFC 9110 §15.2) is not the answer.
    if (status < 200) {
      if (head.keepAlive) return;
      throw new ProtocolError('HPE_INVALID_CONSTANT', 'it ends before it answers');
    }
    this.head = head;
    switch (framing) {
      case 'Chunked':
        this.#state = 'Chunked';
        this.#chunked.begin();
        break;
      case 'Close':
        this.#state = 'Close';
        this.#left = Number.POSITIVE_INFINITY;
        break;
      default:
        this.#state = 'Length';
        this.#left = head.length;
        this.done = head.length === 0;
    }
  }

  readonly #take = (from: number, to: number): void => {
    if (this.#to === 0) {
      this.#from = from;
      this.#to = to;
      return;
    }
    if (this.#joined === undefined) {
      this.#joined = Buffer.allocUnsafe(this.#bytes.length - this.#from);
      this.#length = this.#bytes.copy(this.#joined, 0, this.#from, this.#to);
    }
    this.#length += this.#bytes.copy(this.#joined, this.#length, from, to);
  };

  #taken(): Buffer | undefined {
    if (this.#to === 0) return undefined;
    const joined = this.#joined;
    if (joined !== undefined) {
      this.#joined = undefined;
      const piece = joined.subarray(0, this.#length);
      // Much came that was not the body: it must not be kept with it.
      return this.#length < joined.length / 2 ? Buffer.from(piece) : piece;
    }
    const piece = Buffer.allocUnsafe(this.#to - this.#from);
    this.#bytes.copy(piece, 0, this.#from, this.#to);
    return piece;
  }
}
