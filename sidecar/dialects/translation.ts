/**
 * One request crossing from the dialect of its caller to that of a vendor, and the answer crossing back. Pure; dispatch holds
 * the bytes and the time.
 */
import { OutriderError } from '../../errors/table.ts';
import type { ChatRequest } from './canonical/request.ts';
import type { ChatEvent, ChatResponse } from './canonical/response.ts';
import type {
  AnswerContext,
  CallerFormat,
  EventSource,
  EventWriter,
  VendorFormat,
  WriteContext,
} from './chat-format.ts';
import type { EventReading, UpstreamError } from './dialect.ts';

/** What dispatch asks of an attempt whose vendor speaks another dialect than the caller. */
export interface Translation {
  /**
   * A whole answer, in the caller's dialect. Throws where the vendor's body is not what its dialect promises. `rawUsage`: what
   * was read of it, or of the headers.
   */
  complete(body: Buffer, rawUsage?: unknown): Buffer;
  openStream(): StreamTranslation;
  error(error: UpstreamError, status: number): Buffer;
}

export interface StreamTranslation {
  /** Characters kept of the answer until it has ended. */
  readonly held: number;
  /** What the caller gets for one event of the vendor; undefined: nothing yet. */
  event(data: Buffer, reading: EventReading): Buffer | undefined;
  /** What the caller gets when the vendor's stream has ended well. */
  end(): Buffer | undefined;
}

/** Body for the vendor. Throws `request_not_translatable` where the target cannot serve what the request needs. */
export function translateRequest(request: ChatRequest, to: VendorFormat, context: WriteContext): Buffer {
  const obstacle = request.untranslatable ?? to.obstacle(request, context);
  if (obstacle !== undefined) throw new OutriderError('request_not_translatable', { reason: obstacle });
  return to.writeRequest(request, context);
}

export function openTranslation(from: CallerFormat, to: VendorFormat, context: AnswerContext): Translation {
  return {
    complete: (body) => {
      let response: ChatResponse;
      try {
        response = to.readComplete(body, context.request, context.quirks);
      } catch (thrown) {
        throw unreadable(thrown);
      }
      return from.writeComplete(response, context);
    },
    openStream: () =>
      new StreamCrossing(to.openReader(context.request, context.quirks), from.openWriter(context)),
    error: (error, status) => from.renderUpstreamError(error, status),
  };
}

class StreamCrossing implements StreamTranslation {
  readonly #source: EventSource;
  readonly #writer: EventWriter;
  #text = '';
  readonly #emit = (event: ChatEvent): void => {
    const text = this.#writer.write(event);
    if (text !== undefined) this.#text += text;
  };

  constructor(source: EventSource, writer: EventWriter) {
    this.#source = source;
    this.#writer = writer;
  }

  get held(): number {
    return this.#source.held + this.#writer.held;
  }

  event(data: Buffer, reading: EventReading): Buffer | undefined {
    try {
      this.#source.read(data, reading, this.#emit);
    } catch (thrown) {
      throw unreadable(thrown);
    }
    return this.#take();
  }

  end(): Buffer | undefined {
    this.#source.end(this.#emit);
    return this.#take();
  }

  #take(): Buffer | undefined {
    if (this.#text === '') return undefined;
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    return bytes;
  }
}

/** What is wrong with the JSON of an answer is told of requests in other words. */
function unreadable(thrown: unknown): unknown {
  if (!(thrown instanceof OutriderError) || thrown.code !== 'invalid_json') return thrown;
  const reason = `its JSON cannot be read: ${String(thrown.params.reason)}`;
  return new OutriderError('upstream_stream_broken', { target: 'of this request', reason });
}
