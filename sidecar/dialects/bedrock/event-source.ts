/** The messages of a stream as canonical events. */

import { BlockSequence, type Emit } from '../canonical/block-sequence.ts';
import { GatheredText } from '../canonical/gathered-text.ts';
import { isAnswerTool, isCustomTool, readText } from '../canonical/tool-emulation.ts';
import type { Asked, EventSource } from '../chat-format.ts';
import type { EventReading } from '../dialect.ts';
import { isObject, type Json } from '../json/parsed.ts';
import { tryReadJson } from '../json/tape.ts';
import { finishOf, sequenceOf } from './finish.ts';
import { BedrockStreamReader } from './stream-reader.ts';
import { readUsage } from './usage.ts';

/** Text for a tool is complete before it can be told; more is no longer kept. */
const MAX_TEXT = 4 * 1024 * 1024;
/** What a piece takes besides its characters. */
const PIECE_SIZE = 32;

export class BedrockEventSource implements EventSource {
  readonly #asked: Asked;
  readonly #blocks = new BlockSequence(0);
  #started = false;
  /** Index of the block of the vendor that is open. */
  #index: unknown = undefined;
  /** Input of a tool that takes text, which comes wrapped in JSON; undefined: no such tool is open. */
  #wrapped: GatheredText | undefined = undefined;
  /** Nothing has come for the open call. */
  #bare = false;
  #answered = false;
  /** Encrypted thinking of the open block, in base64 pieces. */
  #redacted: string[] = [];
  #redactedSize = 0;
  #stop = { raw: '', sequence: undefined as string | undefined };
  #usage: unknown = undefined;
  #tier: string | undefined = undefined;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  /** Characters kept of the stream. */
  get held(): number {
    return (this.#wrapped?.length ?? 0) + this.#redactedSize;
  }

  read(data: Buffer, reading: EventReading, emit: Emit): void {
    // The kind of a message stands in its headers, which only the reader of this dialect has seen.
    if (!(reading instanceof BedrockStreamReader)) return;
    this.#start(emit);
    const { payload } = reading;
    switch (reading.kind) {
      case 'contentBlockStart':
        this.#turnTo(payload.contentBlockIndex, emit);
        this.#open(isObject(payload.start) ? payload.start : {}, data, emit);
        return;
      case 'contentBlockDelta':
        this.#turnTo(payload.contentBlockIndex, emit);
        this.#delta(isObject(payload.delta) ? payload.delta : {}, data, emit);
        return;
      case 'contentBlockStop':
        this.#close(emit);
        return;
      case 'messageStop':
        this.#stop = {
          raw: typeof payload.stopReason === 'string' ? payload.stopReason : '',
          sequence: sequenceOf(payload.additionalModelResponseFields),
        };
        return;
      case 'metadata': {
        const { usage, serviceTier } = payload;
        this.#usage = usage;
        if (isObject(serviceTier) && typeof serviceTier.type === 'string') this.#tier = serviceTier.type;
      }
    }
  }

  end(emit: Emit): void {
    this.#start(emit);
    this.#close(emit);
    const { raw, sequence } = this.#stop;
    this.#blocks.finish(finishOf(raw, sequence, this.#answered && !this.#blocks.called), emit);
    const usage = readUsage(this.#usage);
    if (usage !== undefined) emit({ type: 'Usage', usage, rawUsage: this.#usage, serviceTier: this.#tier });
    emit({ type: 'End' });
  }

  #start(emit: Emit): void {
    if (this.#started) return;
    this.#started = true;
    emit({ type: 'Start', id: undefined, model: undefined, usage: undefined, rawUsage: undefined });
  }

  #turnTo(index: unknown, emit: Emit): void {
    if (index === this.#index) return;
    this.#close(emit);
    this.#index = index;
  }

  #open(start: Json, data: Buffer, emit: Emit): void {
    const { toolUse } = start;
    if (!isObject(toolUse)) {
      // Results of the vendor's own tools, and images: of no other dialect.
      if (Object.keys(start).length > 0) this.#native(data, emit);
      return;
    }
    const name = typeof toolUse.name === 'string' ? toolUse.name : '';
    const id = typeof toolUse.toolUseId === 'string' ? toolUse.toolUseId : '';
    if (isAnswerTool(name, this.#asked)) {
      this.#answered = true;
      this.#blocks.open({ type: 'Text' }, emit);
      return;
    }
    const custom = isCustomTool(name, this.#asked);
    this.#blocks.open({ type: 'ToolCall', id, name, ...(custom ? { custom } : {}) }, emit);
    this.#bare = true;
    if (custom) this.#wrapped = new GatheredText();
  }

  #delta(delta: Json, data: Buffer, emit: Emit): void {
    const { text, toolUse, reasoningContent, citation } = delta;
    const blocks = this.#blocks;
    if (typeof text === 'string') {
      blocks.text('Text', text, emit);
    } else if (isObject(toolUse)) {
      this.#input(typeof toolUse.input === 'string' ? toolUse.input : '', emit);
    } else if (isObject(reasoningContent)) {
      const { text: thought, signature, redactedContent } = reasoningContent;
      if (typeof thought === 'string') blocks.text('Thinking', thought, emit);
      if (typeof signature === 'string' && signature !== '') {
        blocks.signature({ vendor: 'anthropic', value: signature }, emit);
      }
      if (typeof redactedContent === 'string' && redactedContent !== '' && this.#redactedSize < MAX_TEXT) {
        this.#redactedSize += redactedContent.length + PIECE_SIZE;
        this.#redacted.push(redactedContent);
      }
    } else if (citation !== undefined) {
      const written = tryReadJson(data)?.at('delta')?.at('citation')?.raw;
      if (written !== undefined) blocks.citation(written, emit);
    } else if (Object.keys(delta).length > 0) {
      this.#native(data, emit);
    }
  }

  #input(text: string, emit: Emit): void {
    if (text === '') return;
    this.#bare = false;
    if (this.#wrapped === undefined) {
      if (this.#blocks.current !== undefined) this.#blocks.fill(text, emit);
    } else if (this.#wrapped.length < MAX_TEXT) {
      this.#wrapped.add(text);
    }
  }

  #native(data: Buffer, emit: Emit): void {
    this.#blocks.whole({ type: 'Native', vendor: 'bedrock', json: data.toString() }, '', emit);
  }

  #close(emit: Emit): void {
    const { current } = this.#blocks;
    if (this.#wrapped !== undefined) {
      this.#blocks.fill(readText(this.#wrapped.text), emit);
      this.#wrapped = undefined;
    } else if (current?.type === 'ToolCall' && this.#bare) {
      // A call without arguments has an empty object of them.
      this.#blocks.fill('{}', emit);
    }
    this.#bare = false;
    this.#blocks.close(emit);
    if (this.#redacted.length > 0) {
      this.#blocks.whole(
        { type: 'RedactedThinking', vendor: 'anthropic', data: joinBase64(this.#redacted) },
        '',
        emit,
      );
      this.#redacted = [];
      this.#redactedSize = 0;
    }
    this.#index = undefined;
  }
}

/** One piece stays as it is; several may each end in padding. */
function joinBase64(pieces: readonly string[]): string {
  if (pieces.length === 1) return pieces[0] as string;
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64'))).toString('base64');
}
