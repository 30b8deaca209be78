/** The events of a vendor's stream as canonical events. */
import type { Emit } from '../../canonical/block-sequence.ts';
import type { Asked, EventSource, Quirks } from '../../chat-format.ts';
import type { EventReading } from '../../dialect.ts';
import { readJson } from '../../json/tape.ts';
import type { AnthropicStreamReader } from '../stream-reader.ts';
import { readUsage } from '../usage.ts';
import { AnswerReader, tierOf } from './read-answer.ts';

export class AnthropicEventSource implements EventSource {
  readonly #quirks: Quirks | undefined;
  readonly #reader: AnswerReader;
  #started = false;
  #finished = false;

  constructor(asked: Asked, quirks: Quirks | undefined) {
    this.#reader = new AnswerReader(asked);
    this.#quirks = quirks;
  }

  /** Characters kept of the stream. */
  get held(): number {
    return this.#reader.held;
  }

  /** `reading` is the reader itself, which has just been through the event: a delta need not be read twice. */
  read(data: Buffer, reading: EventReading, emit: Emit): void {
    const event = reading as AnthropicStreamReader;
    if (event.type === undefined || event.error) return;
    if (!this.#started) this.#start(event, emit);
    // Nothing but usage comes behind the stop reason.
    if (this.#finished && event.type !== 'message_delta') return;
    switch (event.type) {
      case 'content_block_start': {
        const block = readJson(data).at('content_block');
        if (block) this.#reader.begin(block, emit);
        return;
      }
      case 'content_block_delta':
        this.#delta(event, data, emit);
        return;
      case 'content_block_stop':
        this.#reader.end(emit);
        return;
      case 'message_delta':
        this.#finish(event, data, emit);
        return;
    }
  }

  end(emit: Emit): void {
    this.#reader.end(emit);
    emit({ type: 'End' });
  }

  #start({ responseId: id, model, usage: rawUsage }: AnthropicStreamReader, emit: Emit): void {
    this.#started = true;
    emit({ type: 'Start', id, model, usage: readUsage(rawUsage, this.#quirks), rawUsage });
  }

  #delta(event: AnthropicStreamReader, data: Buffer, emit: Emit): void {
    switch (event.piece) {
      case 'text':
        this.#reader.fillAs('Text', event.pieceText(data), emit);
        return;
      case 'thinking':
        this.#reader.fillAs('Thinking', event.pieceText(data), emit);
        return;
      case 'partial_json':
        this.#reader.fill(event.pieceText(data), emit);
        return;
      case 'signature':
        this.#reader.sign(event.pieceText(data), emit);
        return;
      case undefined: {
        const citation = readJson(data).at('delta')?.at('citation');
        if (citation) this.#reader.cite(citation.raw, emit);
      }
    }
  }

  #finish(event: AnthropicStreamReader, data: Buffer, emit: Emit): void {
    const [reason] = event.finishReasons;
    if (reason !== undefined && !this.#finished) {
      this.#finished = true;
      this.#reader.finish(reason, readJson(data).at('delta')?.at('stop_sequence')?.text, emit);
    }
    const rawUsage = event.usage;
    const usage = readUsage(rawUsage, this.#quirks);
    if (usage) emit({ type: 'Usage', usage, rawUsage, serviceTier: tierOf(rawUsage) });
  }
}
