/** The events of a streamed chat in canonical form. */

import { BlockSequence, type Emit } from '../canonical/block-sequence.ts';
import { GatheredText } from '../canonical/gathered-text.ts';
import { isCustomTool, readText } from '../canonical/tool-emulation.ts';
import type { Asked, EventSource } from '../chat-format.ts';
import type { EventReading } from '../dialect.ts';
import { type Json } from '../json/parsed.ts';
import { tryReadJson } from '../json/tape.ts';
import { finishOf } from './finish.ts';
import { cohereLogprobs } from './logprobs.ts';
import { CohereStreamReader } from './stream-reader.ts';
import { readUsage } from './usage.ts';

/** Text for a tool is complete before it can be told; more is no longer kept. */
const MAX_TEXT = 4 * 1024 * 1024;

export class CohereEventSource implements EventSource {
  readonly #asked: Asked;
  readonly #blocks = new BlockSequence(0);
  #started = false;
  /** Input of a tool that takes text, which comes wrapped in JSON; undefined: no such tool is open. */
  #wrapped: GatheredText | undefined = undefined;
  /** Nothing has come for the open call. */
  #bare = false;
  #reason = '';
  #usage: unknown = undefined;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  /** Characters kept of the stream. */
  get held(): number {
    return this.#wrapped?.length ?? 0;
  }

  read(data: Buffer, reading: EventReading, emit: Emit): void {
    if (!(reading instanceof CohereStreamReader) || reading.kind === '') return;
    const { payload } = reading;
    this.#start(reading.responseId, emit);
    const delta = objectOf(payload.delta);
    const message = objectOf(delta.message);
    switch (reading.kind) {
      case 'content-start':
        this.#close(emit);
        this.#content(objectOf(message.content), emit);
        return;
      case 'content-delta': {
        this.#content(objectOf(message.content), emit);
        const logprobs = cohereLogprobs([payload.logprobs]);
        if (logprobs !== undefined) emit({ type: 'Logprobs', choice: 0, logprobs });
        return;
      }
      case 'tool-plan-delta':
        this.#say('Text', message.tool_plan, emit);
        return;
      case 'tool-call-start':
        this.#call(objectOf(message.tool_calls), emit);
        return;
      case 'tool-call-delta':
        this.#input(objectOf(objectOf(message.tool_calls).function).arguments, emit);
        return;
      case 'tool-call-end':
        this.#close(emit);
        return;
      case 'citation-start': {
        const citations = tryReadJson(data)?.at('delta')?.at('message')?.at('citations');
        // Content ends before some of its citations come, so text stays open until something else begins.
        if (citations) this.#blocks.citation(citations.raw, emit);
        return;
      }
      case 'message-end':
        this.#reason = typeof delta.finish_reason === 'string' ? delta.finish_reason : '';
        this.#usage = delta.usage;
    }
  }

  end(emit: Emit): void {
    this.#start(undefined, emit);
    this.#close(emit);
    this.#blocks.finish(finishOf(this.#reason), emit);
    const usage = readUsage(this.#usage);
    if (usage !== undefined) emit({ type: 'Usage', usage, rawUsage: this.#usage, serviceTier: undefined });
    emit({ type: 'End' });
  }

  #start(id: string | undefined, emit: Emit): void {
    if (this.#started) return;
    this.#started = true;
    emit({ type: 'Start', id, model: undefined, usage: undefined, rawUsage: undefined });
  }

  #content({ text, thinking }: Json, emit: Emit): void {
    this.#say('Thinking', thinking, emit);
    this.#say('Text', text, emit);
  }

  #say(type: 'Text' | 'Thinking', text: unknown, emit: Emit): void {
    if (typeof text !== 'string' || text === '') return;
    if (this.#blocks.current?.type === 'ToolCall') this.#close(emit);
    this.#blocks.text(type, text, emit);
  }

  #call(call: Json, emit: Emit): void {
    this.#close(emit);
    const inner = objectOf(call.function);
    const name = typeof inner.name === 'string' ? inner.name : '';
    const id = typeof call.id === 'string' ? call.id : '';
    const custom = isCustomTool(name, this.#asked);
    this.#blocks.open({ type: 'ToolCall', id, name, ...(custom ? { custom } : {}) }, emit);
    this.#wrapped = custom ? new GatheredText() : undefined;
    this.#bare = true;
    this.#input(inner.arguments, emit);
  }

  #input(text: unknown, emit: Emit): void {
    if (typeof text !== 'string' || text === '' || this.#blocks.current?.type !== 'ToolCall') return;
    this.#bare = false;
    if (this.#wrapped === undefined) this.#blocks.fill(text, emit);
    else if (this.#wrapped.length < MAX_TEXT) this.#wrapped.add(text);
  }

  #close(emit: Emit): void {
    if (this.#wrapped !== undefined) this.#blocks.fill(readText(this.#wrapped.text), emit);
    // A call without arguments has an empty object of them.
    else if (this.#bare) this.#blocks.fill('{}', emit);
    this.#wrapped = undefined;
    this.#bare = false;
    this.#blocks.close(emit);
  }
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
