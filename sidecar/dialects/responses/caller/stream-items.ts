/** The output items of a Responses stream while they are written: each opens, grows and closes in events of its own. */
import { OutriderError } from '../../../../errors/table.ts';
import { GatheredText } from '../../canonical/gathered-text.ts';
import { array, type JsonText, json, object } from '../../json/write.ts';
import { annotation } from '../../openai/caller/annotations.ts';
import {
  type CallItem,
  callItem,
  type ItemStatus,
  messageItem,
  reasoningItem,
  refusalPart,
  summaryPart,
  textPart,
} from './items.ts';

/** Characters of one answer: the last events repeat all of it, so all of it is held. */
const MAX_HELD = 8 * 1024 * 1024;

type Say = (type: string, members: Record<string, JsonText | undefined>) => void;
/** `members`: text of them, as it stands in the event. Deltas are many, and their places the same for all of a part. */
type SayText = (type: string, members: string) => void;

interface Message {
  kind: 'Message';
  id: string;
  /** Parts that are complete. */
  parts: JsonText[];
  /** Characters of text in them. */
  length: number;
  part:
    | { type: 'Text' | 'Refusal'; text: GatheredText; citations: JsonText[]; logprobs: JsonText[] }
    | undefined;
}

interface Reasoning {
  kind: 'Reasoning';
  id: string;
  text: GatheredText;
}

interface Call {
  kind: 'Call';
  call: CallItem;
  text: GatheredText;
}

export class StreamItems {
  /** Items that are complete. */
  readonly output: JsonText[] = [];
  refused = false;
  readonly #say: Say;
  readonly #sayText: SayText;
  /** Where the deltas of the open part belong, as text. */
  #at = '';
  /** Behind the prefix of item ids; unique per answer. */
  readonly #seed: string;
  #open: Message | Reasoning | Call | undefined;
  #held = 0;

  constructor(seed: string, sayText: SayText) {
    this.#seed = seed;
    this.#sayText = sayText;
    this.#say = (type, members) => sayText(type, object(members).slice(1, -1));
  }

  /** Characters kept of the answer. */
  get held(): number {
    return this.#held;
  }

  openText(type: 'Text' | 'Refusal'): void {
    if (this.#open?.kind !== 'Message') {
      const message: Message = {
        kind: 'Message',
        id: this.#id('msg'),
        parts: [],
        length: 0,
        part: undefined,
      };
      this.#begin(message, messageItem(message.id, 'in_progress', []));
    }
    const open = this.#open as Message;
    open.part = { type, text: new GatheredText(), citations: [], logprobs: [] };
    this.refused ||= type === 'Refusal';
    const part = type === 'Text' ? textPart('', [], []) : refusalPart('');
    this.#hold(part.length);
    this.#say('response.content_part.added', { ...this.#place(open.id), content_index: this.#part(), part });
  }

  openThinking(): void {
    const id = this.#id('rs');
    this.#begin({ kind: 'Reasoning', id, text: new GatheredText() }, reasoningItem(id, '', undefined));
  }

  openCall(callId: string, name: string, custom: boolean): void {
    const call = { id: this.#id(custom ? 'ctc' : 'fc'), callId, name, custom };
    this.#begin({ kind: 'Call', call, text: new GatheredText() }, callItem(call, 'in_progress', ''));
  }

  /** Reasoning that has nothing to show. */
  sealed(encrypted: string): void {
    this.openThinking();
    this.#closeReasoning(this.#open as Reasoning, encrypted);
  }

  /** `logprobs`: of the tokens in `text`. */
  fill(text: string, logprobs: readonly JsonText[] = []): void {
    const open = this.#open;
    this.#hold(text.length);
    for (const element of logprobs) this.#hold(element.length);
    if (open?.kind === 'Message' && open.part) this.#fillPart(open, open.part, text, logprobs);
    else if (open?.kind === 'Reasoning') this.#fillReasoning(open, text);
    else if (open?.kind === 'Call') this.#fillCall(open, text);
  }

  cite(citation: JsonText): void {
    const part = this.#open?.kind === 'Message' ? this.#open.part : undefined;
    this.#hold(citation.length);
    part?.citations.push(citation);
  }

  /** The block is over; its item may go on. `encrypted`: what must come back of thinking. */
  closeBlock(encrypted: string | undefined): void {
    const open = this.#open;
    if (open?.kind === 'Message') this.#closePart(open);
    else if (open?.kind === 'Reasoning') this.#closeReasoning(open, encrypted);
  }

  /** Closes the item that is open. Calls wait for this: whether they are whole is known only when more comes. */
  close(status: ItemStatus): void {
    const open = this.#open;
    if (open === undefined) return;
    if (open.kind === 'Reasoning') {
      this.#closeReasoning(open, undefined);
    } else if (open.kind === 'Message') {
      this.#closePart(open);
      this.#end(messageItem(open.id, status, open.parts));
    } else {
      this.#closeCall(open, status);
    }
  }

  #fillPart(
    message: Message,
    part: NonNullable<Message['part']>,
    text: string,
    logprobs: readonly JsonText[],
  ): void {
    part.text.add(text);
    part.logprobs.push(...logprobs);
    const members = `${this.#at},"content_index":${message.parts.length},"delta":${JSON.stringify(text)}`;
    if (part.type === 'Refusal') this.#sayText('response.refusal.delta', members);
    else this.#sayText('response.output_text.delta', `${members},"logprobs":${array(logprobs)}`);
  }

  #fillReasoning(open: Reasoning, text: string): void {
    const place = { ...this.#place(open.id), summary_index: '0' };
    if (open.text.length === 0)
      this.#say('response.reasoning_summary_part.added', { ...place, part: summaryPart('') });
    open.text.add(text);
    this.#sayText(
      'response.reasoning_summary_text.delta',
      `${this.#at},"summary_index":0,"delta":${JSON.stringify(text)}`,
    );
  }

  #fillCall(open: Call, text: string): void {
    open.text.add(text);
    const type = open.call.custom ? 'response.custom_tool_call_input' : 'response.function_call_arguments';
    this.#sayText(`${type}.delta`, `${this.#at},"delta":${JSON.stringify(text)}`);
  }

  #closePart(message: Message): void {
    const { part } = message;
    if (part === undefined) return;
    const { text } = part.text;
    const place = { ...this.#place(message.id), content_index: this.#part() };
    if (part.type === 'Refusal') {
      const written = refusalPart(text);
      this.#say('response.refusal.done', { ...place, refusal: json(text) });
      this.#say('response.content_part.done', { ...place, part: written });
      message.parts.push(written);
    } else {
      const annotations: JsonText[] = [];
      for (const citation of part.citations) {
        const written = annotation(citation, 0, text.length, 'Responses');
        if (written === undefined) continue;
        this.#say('response.output_text.annotation.added', {
          ...place,
          annotation_index: json(annotations.length),
          annotation: written,
        });
        annotations.push(written);
      }
      const written = textPart(text, annotations, part.logprobs);
      const logprobs = array(part.logprobs);
      this.#say('response.output_text.done', { ...place, text: json(text), logprobs });
      this.#say('response.content_part.done', { ...place, part: written });
      message.parts.push(written);
    }
    message.part = undefined;
  }

  #closeReasoning(open: Reasoning, encrypted: string | undefined): void {
    const { text } = open.text;
    if (text !== '') {
      const place = { ...this.#place(open.id), summary_index: '0' };
      this.#say('response.reasoning_summary_text.done', { ...place, text: json(text) });
      this.#say('response.reasoning_summary_part.done', { ...place, part: summaryPart(text) });
    }
    if (encrypted !== undefined) this.#hold(encrypted.length);
    this.#end(reasoningItem(open.id, text, encrypted));
  }

  #closeCall(open: Call, status: ItemStatus): void {
    const { call } = open;
    // Clients parse arguments: nothing at all stands for no arguments.
    if (open.text.length === 0 && !call.custom) this.#fillCall(open, '{}');
    const { text } = open.text;
    if (call.custom) {
      this.#say('response.custom_tool_call_input.done', { ...this.#place(call.id), input: json(text) });
    } else {
      this.#say('response.function_call_arguments.done', {
        ...this.#place(call.id),
        name: json(call.name),
        arguments: json(text),
      });
    }
    this.#end(callItem(call, status, text));
  }

  #begin(open: Message | Reasoning | Call, item: JsonText): void {
    this.close('completed');
    this.#open = open;
    const id = open.kind === 'Call' ? open.call.id : open.id;
    this.#at = object(this.#place(id)).slice(1, -1);
    this.#hold(item.length);
    this.#say('response.output_item.added', { output_index: json(this.output.length), item });
  }

  #end(item: JsonText): void {
    this.#say('response.output_item.done', { output_index: json(this.output.length), item });
    // Text that was put together refers to all that it was put together of; a copy is one.
    this.output.push(Buffer.from(item).toString());
    this.#open = undefined;
  }

  #place(id: string): Record<string, JsonText> {
    return { item_id: json(id), output_index: json(this.output.length) };
  }

  #part(): JsonText {
    return json((this.#open as Message).parts.length);
  }

  #id(prefix: string): string {
    // Whatever is open takes its place in the output before this one.
    const at = this.output.length + (this.#open === undefined ? 0 : 1);
    return `${prefix}_${this.#seed}_${at}`;
  }

  #hold(size: number): void {
    this.#held += size;
    if (this.#held <= MAX_HELD) return;
    const reason = `it is longer than ${MAX_HELD} characters, which a Responses stream must repeat at its end`;
    throw new OutriderError('upstream_stream_broken', { target: 'of this request', reason });
  }
}

/** One event. `members`: text of those behind the type. */
export function event(type: string, sequence: number, members: string): string {
  return `event: ${type}\ndata: {"type":"${type}","sequence_number":${sequence},${members}}\n\n`;
}
