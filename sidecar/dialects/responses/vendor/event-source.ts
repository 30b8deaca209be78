/** Events of a Responses stream as canonical events. What a server says only at the end of an item is told then. */
import type { Usage } from '../../../accounting/usage.ts';
import type { Emit } from '../../canonical/block-sequence.ts';
import { CallSequencer } from '../../canonical/call-sequencer.ts';
import type { EventSource } from '../../chat-format.ts';
import type { EventReading } from '../../dialect.ts';
import { isObject, type Json, textOf } from '../../json/parsed.ts';
import { readJson } from '../../json/tape.ts';
import { array } from '../../json/write.ts';
import { readUsage } from '../../openai/usage.ts';
import { finishOf } from './read-items.ts';

/** Pieces of an answer whose length is remembered. */
const MAX_PIECES = 10_000;
/** A key that is remembered, in characters, and the longest word that makes one. */
const KEY_SIZE = 256;
const MAX_WORD = 200;

type PieceType = 'Text' | 'Refusal' | 'Thinking';

export class ResponsesEventSource implements EventSource {
  #blocks: CallSequencer = new CallSequencer(0, '');
  #started = false;
  #status: string | undefined;
  #incomplete: string | undefined;
  #refused = false;
  #items = 0;
  /** Characters told, by piece: what comes at the end of one is compared with it. */
  readonly #told = new Map<string, number>();
  readonly #signed = new Set<string>();
  #usage: Usage | undefined;
  #rawUsage: unknown;
  #serviceTier: string | undefined;

  /** Characters kept of the stream. */
  get held(): number {
    return this.#blocks.held + (this.#told.size + this.#signed.size) * KEY_SIZE;
  }

  read(data: Buffer, reading: EventReading, emit: Emit): void {
    const event = parsed(data);
    if (event === undefined) return;
    const response = isObject(event['response']) ? event['response'] : undefined;
    if (!this.#started) this.#start(response, emit);
    if (reading.usage !== undefined) {
      this.#usage = readUsage(reading.usage) ?? this.#usage;
      this.#rawUsage = reading.usage;
    }
    const type = textOf(event['type']) ?? '';
    if (response !== undefined) this.#readResponse(type, response, data, emit);
    else this.#readEvent(type, event, data, emit);
  }

  end(emit: Emit): void {
    if (!this.#started) this.#start(undefined, emit);
    const finish = (called: boolean) => finishOf(this.#status, this.#incomplete, called, this.#refused);
    this.#blocks.finish(finish, emit);
    if (this.#usage) {
      emit({ type: 'Usage', usage: this.#usage, rawUsage: this.#rawUsage, serviceTier: this.#serviceTier });
    }
    emit({ type: 'End' });
  }

  #start(response: Json | undefined, emit: Emit): void {
    this.#started = true;
    const id = textOf(response?.['id']) || undefined;
    this.#blocks = new CallSequencer(0, id ?? '');
    const model = textOf(response?.['model']) || undefined;
    emit({ type: 'Start', id, model, usage: undefined, rawUsage: undefined });
  }

  #readResponse(type: string, response: Json, data: Buffer, emit: Emit): void {
    this.#serviceTier = textOf(response['service_tier']) ?? this.#serviceTier;
    if (type !== 'response.completed' && type !== 'response.incomplete') return;
    this.#status = textOf(response['status']) ?? type.slice('response.'.length);
    const details = response['incomplete_details'];
    this.#incomplete = isObject(details) ? textOf(details['reason']) : undefined;
    // Servers that stream nothing but the end of it.
    const { output } = response;
    if (this.#items > 0 || !Array.isArray(output)) return;
    const raw = [...(readJson(data).at('response')?.at('output')?.elements() ?? [])];
    for (const [index, item] of (output as unknown[]).entries()) {
      if (isObject(item)) this.#endItem(String(index), item, () => raw[index]?.raw ?? '{}', emit);
    }
  }

  #readEvent(type: string, event: Json, data: Buffer, emit: Emit): void {
    const key = word(event['output_index'] ?? event['item_id']);
    const part = `${key}/${word(event['content_index'] ?? 0)}`;
    switch (type) {
      case 'response.output_text.delta':
        this.#piece('Text', part, textOf(event['delta']) ?? '', emit);
        if (Array.isArray(event['logprobs']) && event['logprobs'].length > 0) this.#logprobs(data, emit);
        return;
      case 'response.output_text.done':
        this.#rest('Text', part, textOf(event['text']) ?? '', emit);
        return;
      case 'response.refusal.delta':
        this.#piece('Refusal', part, textOf(event['delta']) ?? '', emit);
        return;
      case 'response.refusal.done':
        this.#rest('Refusal', part, textOf(event['refusal']) ?? '', emit);
        return;
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        this.#think(key, type, event, textOf(event['delta']) ?? '', emit);
        return;
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        this.#items++;
        this.#blocks.call(key, { arguments: textOf(event['delta']) }, emit);
        return;
      case 'response.function_call_arguments.done':
        this.#restOfCall(key, textOf(event['arguments']) ?? '', emit);
        return;
      case 'response.custom_tool_call_input.done':
        this.#restOfCall(key, textOf(event['input']) ?? '', emit);
        return;
      case 'response.output_text.annotation.added': {
        const citation = readJson(data).at('annotation')?.raw;
        if (citation !== undefined) this.#blocks.citation(citation, emit);
        return;
      }
      case 'response.output_item.added':
        if (isObject(event['item'])) this.#beginItem(key, event['item'], emit);
        return;
      case 'response.output_item.done':
        if (isObject(event['item'])) {
          this.#endItem(key, event['item'], () => readJson(data).at('item')?.raw ?? '{}', emit);
        }
        return;
      default:
    }
  }

  #beginItem(key: string, item: Json, emit: Emit): void {
    this.#items++;
    const { type } = item;
    if (type === 'function_call' || type === 'custom_tool_call') {
      this.#call(key, item, emit);
    } else {
      // Reasoning behind reasoning, or a second message, is a block of its own.
      this.#blocks.endText(emit);
    }
  }

  #call(key: string, item: Json, emit: Emit): void {
    const custom = item['type'] === 'custom_tool_call';
    const id = textOf(item['call_id']) || textOf(item['id']) || undefined;
    this.#blocks.call(key, { id, name: textOf(item['name']), custom }, emit);
  }

  /** `raw`: the item as it was written. */
  #endItem(key: string, item: Json, raw: () => string, emit: Emit): void {
    this.#items++;
    switch (item['type']) {
      case 'function_call':
      case 'custom_tool_call':
        this.#call(key, item, emit);
        this.#restOfCall(key, textOf(item['arguments']) ?? textOf(item['input']) ?? '', emit);
        return;
      case 'message':
        this.#restOfMessage(key, item, emit);
        return;
      case 'reasoning':
        this.#restOfReasoning(key, item, emit);
        return;
      default:
        this.#blocks.whole({ type: 'Native', vendor: 'openai', json: raw() }, emit);
    }
  }

  #restOfMessage(key: string, item: Json, emit: Emit): void {
    const { content } = item;
    if (!Array.isArray(content)) return;
    for (const [index, part] of (content as unknown[]).entries()) {
      if (!isObject(part)) continue;
      const refusal = textOf(part['refusal']);
      if (refusal !== undefined) this.#rest('Refusal', `${key}/${index}`, refusal, emit);
      else this.#rest('Text', `${key}/${index}`, textOf(part['text']) ?? '', emit);
    }
  }

  #restOfReasoning(key: string, item: Json, emit: Emit): void {
    if (!this.#told.has(`${key}/thinking`)) {
      const texts = partTexts(item['summary']);
      const text = (texts.length > 0 ? texts : partTexts(item['content'])).join('\n\n');
      this.#piece('Thinking', `${key}/thinking`, text, emit);
    }
    const value = textOf(item['encrypted_content']);
    if (!value || this.#signed.has(key)) return;
    if (this.#signed.size < MAX_PIECES) this.#signed.add(key);
    this.#blocks.signature({ vendor: 'openai', value }, emit);
  }

  /** Parts of a summary are paragraphs. */
  #think(key: string, type: string, event: Json, text: string, emit: Emit): void {
    const part = event[type.includes('summary') ? 'summary_index' : 'content_index'];
    const place = `${key}/thinking`;
    const paragraph = `${place}/${word(part ?? 0)}`;
    if (text !== '' && this.#told.has(place) && !this.#told.has(paragraph)) {
      this.#piece('Thinking', place, '\n\n', emit);
    }
    if (text !== '') this.#add(paragraph, text.length);
    this.#piece('Thinking', place, text, emit);
  }

  #piece(type: PieceType, key: string, text: string, emit: Emit): void {
    this.#items++;
    if (text === '') return;
    this.#add(key, text.length);
    this.#refused ||= type === 'Refusal';
    this.#blocks.text(type, text, emit);
  }

  #rest(type: PieceType, key: string, whole: string, emit: Emit): void {
    const told = this.#told.get(key) ?? 0;
    if (whole.length > told) this.#piece(type, key, whole.slice(told), emit);
  }

  #restOfCall(key: string, whole: string, emit: Emit): void {
    const told = this.#blocks.argumentsOf(key) ?? 0;
    if (whole.length > told) this.#blocks.call(key, { arguments: whole.slice(told) }, emit);
  }

  #add(key: string, length: number): void {
    const told = this.#told.get(key);
    if (told !== undefined || this.#told.size < MAX_PIECES) this.#told.set(key, (told ?? 0) + length);
  }

  #logprobs(data: Buffer, emit: Emit): void {
    const tokens = Array.from(readJson(data).at('logprobs')?.elements() ?? [], ({ raw }) => raw);
    this.#blocks.logprobs(`{"content":${array(tokens)},"refusal":null}`, emit);
  }
}

/** An index or id; one that is too long to be either tells nothing apart. */
const word = (value: unknown): string =>
  typeof value === 'number' || (typeof value === 'string' && value.length <= MAX_WORD) ? String(value) : '';

function partTexts(parts: unknown): string[] {
  if (!Array.isArray(parts)) return [];
  return (parts as unknown[]).map((part) => (isObject(part) ? (textOf(part['text']) ?? '') : ''));
}

function parsed(data: Buffer): Json | undefined {
  // `[DONE]` of those who imitate.
  if (data.length === 0 || data[0] === 0x5b) return undefined;
  try {
    const value: unknown = JSON.parse(data.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
