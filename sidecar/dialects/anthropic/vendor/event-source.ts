/** The events of a vendor's stream as canonical events. */
import type { Emit } from '../../canonical/block-sequence.ts';
import type { Asked, EventSource, Quirks } from '../../chat-format.ts';
import type { EventReading } from '../../dialect.ts';
import { readJson } from '../../json/tape.ts';
import { readUsage } from '../usage.ts';
import { AnswerReader, tierOf } from './read-answer.ts';

interface Event {
  type?: string;
  message?: { id?: string; model?: string };
  delta?: {
    type?: string;
    text?: string;
    thinking?: string;
    partial_json?: string;
    signature?: string;
    stop_reason?: string | null;
    stop_sequence?: string | null;
  };
}

export class AnthropicEventSource implements EventSource {
  readonly #quirks: Quirks | undefined;
  readonly #reader: AnswerReader;
  #started = false;
  #finished = false;

  constructor(asked: Asked, quirks: Quirks | undefined) {
    this.#reader = new AnswerReader(asked);
    this.#quirks = quirks;
  }

  read(data: Buffer, reading: EventReading, emit: Emit): void {
    if (reading.error || reading.terminal || data.length === 0) return;
    const text = data.toString();
    const event = JSON.parse(text) as Event;
    if (!this.#started) {
      this.#started = true;
      const { id, model } = event.message ?? {};
      const usage = readUsage(reading.usage, this.#quirks);
      emit({ type: 'Start', id, model, usage, rawUsage: reading.usage });
    }
    switch (event.type) {
      case 'content_block_start': {
        const block = readJson(data).at('content_block');
        if (block) this.#reader.begin(block, emit);
        return;
      }
      case 'content_block_delta':
        this.#delta(event.delta ?? {}, data, emit);
        return;
      case 'content_block_stop':
        this.#reader.end(emit);
        return;
      case 'message_delta':
        this.#finish(event.delta ?? {}, reading, emit);
        return;
    }
  }

  end(emit: Emit): void {
    this.#reader.end(emit);
    emit({ type: 'End' });
  }

  #delta(delta: NonNullable<Event['delta']>, data: Buffer, emit: Emit): void {
    switch (delta.type) {
      case 'text_delta':
        this.#reader.fillAs('Text', delta.text ?? '', emit);
        return;
      case 'thinking_delta':
        this.#reader.fillAs('Thinking', delta.thinking ?? '', emit);
        return;
      case 'input_json_delta':
        this.#reader.fill(delta.partial_json ?? '', emit);
        return;
      case 'signature_delta':
        this.#reader.sign(delta.signature ?? '', emit);
        return;
      case 'citations_delta': {
        const citation = readJson(data).at('delta')?.at('citation');
        if (citation) this.#reader.cite(citation.raw, emit);
      }
    }
  }

  #finish(delta: NonNullable<Event['delta']>, reading: EventReading, emit: Emit): void {
    if (delta.stop_reason && !this.#finished) {
      this.#finished = true;
      this.#reader.finish(delta.stop_reason, delta.stop_sequence ?? undefined, emit);
    }
    const usage = readUsage(reading.usage, this.#quirks);
    if (usage) emit({ type: 'Usage', usage, rawUsage: reading.usage, serviceTier: tierOf(reading.usage) });
  }
}
