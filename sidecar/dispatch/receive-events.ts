/**
 * A stream of server-sent events. Nothing is written before the first committing event, so that until then another
 * attempt can take its place; from then on whole events are forwarded as they come.
 */
import { OutriderError } from '../../errors/table.ts';
import type { EventReading, StreamReader, UpstreamError } from '../dialects/dialect.ts';
import { endOfReading, openSplitter, type Splitter } from '../dialects/splitter.ts';
import type { StreamTranslation } from '../dialects/translation.ts';
import { classify } from '../providers/failures.ts';
import { ChunkTimes } from '../telemetry/chunk-times.ts';
import { statusOf, type UpstreamAnswer } from './failure.ts';
import type { Outlet } from './outlet.ts';
import { answerOf, asJson } from './receive-body.ts';
import type { Receiver } from './receiver.ts';
import { COMMENT, Silence } from './silence.ts';
import type { UpstreamCall } from './upstream-call.ts';

/** More than this without a committing event is no longer held back. */
const HELD_LIMIT = 256 * 1024;
/** Partial events below this are too small to be worth accounting for. */
const ACCOUNTED_FROM = 16 * 1024;

export class EventReceiver implements Receiver {
  readonly #call: UpstreamCall;
  readonly #outlet: Outlet;
  readonly #reader: StreamReader;
  readonly #splitter: Splitter;
  readonly #translation: StreamTranslation | undefined;
  readonly #strip: boolean;
  /** For the caller, in order: `#queue`, then `#span`, which grows while events lie side by side in memory. */
  #queue: Buffer[] = [];
  #span: Buffer | undefined = undefined;
  #heldBytes = 0;
  #committed = false;
  #alive = false;
  /** `holdMax` was over before the provider had sent a byte: the next sign of life commits. */
  #eager = false;
  #finished = false;
  #terminal = false;
  #delivered = false;
  /** The caller was sent an event. */
  #begun = false;
  #silence: Silence | undefined = undefined;

  constructor(call: UpstreamCall, outlet: Outlet) {
    this.#call = call;
    this.#outlet = outlet;
    const { wire, translation, usageInjected } = call.request;
    this.#reader = wire.openStream();
    this.#translation = translation?.openStream();
    this.#splitter = openSplitter(wire, translation !== undefined);
    this.#strip = usageInjected;
    call.attempt.chunkTimes = new ChunkTimes();
  }

  chunk(bytes: Buffer): void {
    this.#alive = true;
    const splitter = this.#splitter;
    splitter.push(bytes);
    while (splitter.next()) if (!this.#take()) return;
    if (this.#eager) this.#commit();
    this.#flush();
    if (!this.#committed) {
      this.#heldBytes += bytes.length;
      if (this.#heldBytes > HELD_LIMIT || !this.#outlet.held.grow(bytes.length)) this.#commitHeld();
    } else {
      this.#account();
    }
    if (this.#terminal) this.#call.lastEvent();
  }

  /** What is kept of a committed answer: the part of an event, and what its translation cannot let go of yet. */
  #account(): void {
    const { held } = this.#outlet;
    const translation = this.#translation;
    // A character may take two bytes.
    const kept = this.#splitter.heldSize + (translation === undefined ? 0 : 2 * translation.held);
    if ((kept < ACCOUNTED_FROM && held.size === 0) || held.resize(kept)) return;
    if (translation !== undefined) throw held.full();
    // Without room to wait for the end of a long event, it is forwarded in pieces.
    this.#splitter.holdLimit = 0;
  }

  end(): void {
    this.#splitter.end();
    while (this.#splitter.next()) if (!this.#take()) return;
    if (!this.#finished && !(this.#terminal && this.#delivered)) {
      this.#flush();
      const reason = this.#delivered ? 'it ended without a finish reason' : 'it ended before any content';
      const target = this.#call.attempt.candidate.target.name;
      const error = new OutriderError('upstream_stream_broken', { target, reason });
      this.#call.failTransport('Broken', this.#delivered ? 'unfinished' : 'empty', error);
      return;
    }
    const rest = this.#translation?.end();
    if (rest) this.#emit(rest);
    this.#commitHeld();
    this.#call.succeed();
    this.#outlet.end();
  }

  breakOff(): boolean {
    // Inside an event that is already half out, nothing that follows would be read as an event.
    return !this.#splitter.midPiece;
  }

  holdOver(): void {
    if (this.#alive) this.#commitHeld();
    else this.#eager = true;
  }

  listen(now: number): void {
    const { written } = this.#outlet;
    const silence = (this.#silence ??= new Silence(now, written));
    // Inside an event that is half out, it would be read as a part of it.
    if (!silence.isLong(now, written) || this.#splitter.midPiece) return;
    // The vendor's own events stay as they are; only a comment goes between them.
    const translated = this.#translation !== undefined && this.#begun;
    this.#outlet.write(this.#call, (translated && this.#outlet.exchange.dialect.ping) || COMMENT);
    silence.broken(now, this.#outlet.written);
  }

  note(): void {
    const { attempt } = this.#call;
    attempt.responseModel = this.#reader.model;
    attempt.responseId = this.#reader.responseId;
    attempt.finishReasons = this.#reader.finishReasons;
    attempt.serviceTier = this.#reader.serviceTier ?? attempt.serviceTier;
  }

  /** One event or piece; false when the attempt is over. */
  #take(): boolean {
    const { kind, event, data, hasData } = this.#splitter;
    if (kind === 'TooLong') {
      const target = this.#call.attempt.candidate.target.name;
      const reason = endOfReading(this.#splitter);
      const error = new OutriderError('upstream_stream_broken', { target, reason });
      this.#call.failTransport('Broken', 'unreadable', error);
      return false;
    }
    if (kind === 'Piece') {
      // Too long to look into, and certainly no role-only event.
      this.#delivered = true;
      this.#call.attempt.outputBytes += event.length;
      this.#emit(event);
      this.#call.progress();
      this.#commit();
      return true;
    }
    if (!hasData) {
      if (this.#translation === undefined) this.#emit(event);
      return true;
    }
    const reading = this.#reader.read(event, data);
    if (reading.usage !== undefined) this.#call.attempt.rawUsage = reading.usage;
    if (reading.error) {
      this.#failed(reading.error, event, data);
      return false;
    }
    this.#call.attempt.outputBytes += reading.outputBytes;
    if (reading.content) this.#delivered = true;
    if (reading.finished) this.#finished = true;
    if (reading.terminal) this.#terminal = true;
    const kept = this.#forCaller(event, data, reading);
    if (kept) this.#emit(kept);
    this.#advance(reading);
    return true;
  }

  #forCaller(event: Buffer, data: Buffer, reading: EventReading): Buffer | undefined {
    if (this.#translation) return this.#translation.event(data, reading);
    return this.#strip ? this.#reader.withoutUsage(event, data, reading) : event;
  }

  #advance(reading: EventReading): void {
    if (reading.content || reading.commits) this.#call.progress();
    if (this.#committed) return;
    // An end marker alone is an empty stream, which fails.
    const empty = this.#terminal && !this.#finished && !this.#delivered;
    if (reading.commits || (!empty && !this.#outlet.hasAlternative())) this.#commit();
  }

  #emit(bytes: Buffer): void {
    const span = this.#span;
    if (span === undefined) {
      this.#span = bytes;
    } else if (span.buffer === bytes.buffer && span.byteOffset + span.length === bytes.byteOffset) {
      this.#span = Buffer.from(span.buffer, span.byteOffset, span.length + bytes.length);
    } else {
      this.#queue.push(span);
      this.#span = bytes;
    }
  }

  /** Before commit everything stays where it is. */
  #flush(): void {
    const span = this.#span;
    if (!this.#committed || span === undefined) return;
    this.#span = undefined;
    this.#begun = true;
    if (this.#queue.length === 0) {
      this.#outlet.write(this.#call, span);
      return;
    }
    const queue = this.#queue;
    this.#queue = [];
    queue.push(span);
    this.#outlet.writeAll(this.#call, queue);
  }

  #commit(): void {
    if (this.#committed) return;
    this.#committed = true;
    this.#outlet.held.resize(0);
    this.#outlet.commit(this.#call, undefined);
    this.#call.listen();
    // A caller that waits for the head must get it, even while there is no whole event to go with it.
    if (this.#span === undefined) this.#outlet.flushHead();
  }

  #commitHeld(): void {
    this.#commit();
    this.#flush();
  }

  #failed(error: UpstreamError, event: Buffer, data: Buffer): void {
    const { upstream, status, attempt } = this.#call;
    const malformed = error.code === 'invalid_event';
    if (this.#committed) {
      // The vendor's own words reach the caller first; behind them goes an event that every client takes for an error.
      if (!malformed && this.#translation === undefined) this.#emit(event);
      this.#flush();
    }
    const verdict = classify(upstream.type, error.status, error, true);
    const target = attempt.candidate.target.name;
    const reason = malformed ? 'it sent an event that is not JSON' : 'it sent an error';
    this.#call.fail({
      verdict,
      status,
      answer:
        malformed || this.#committed
          ? undefined
          : eventAnswer(this.#call, error, statusOf(verdict, error.status), data),
      error: new OutriderError('upstream_stream_broken', { target, reason }),
      retryAfterMs: undefined,
      counted: true,
      again: undefined,
    });
  }
}

/** The event's payload is handed on as a body of its own. */
function eventAnswer(
  call: UpstreamCall,
  error: UpstreamError,
  status: number,
  data: Buffer,
): UpstreamAnswer | undefined {
  const answer = answerOf(call, error, status, data);
  return answer && { ...answer, rawHeaders: asJson(call.rawHeaders) };
}
