/** Holds a Responses stream to its rules, as its strictest client would. */
import { isDeepStrictEqual } from 'node:util';

type Json = Record<string, unknown>;

export interface ReadResponse {
  response: Json;
  /** Types of all events, in order. */
  types: string[];
}

interface OpenItem {
  item: Json;
  parts: Json[];
  part: { text: string; type: string; done: boolean; annotations: number } | undefined;
  /** Arguments, or the summary. */
  text: string;
  textDone: boolean;
  summary: 'None' | 'Open' | 'Done';
}

/** Throws at the first rule that is broken. */
export function readResponsesStream(bytes: Buffer): ReadResponse {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  if (!text.endsWith('\n\n')) throw new Error('the stream ends inside an event');
  const stream = new Stream();
  for (const event of text.slice(0, -2).split('\n\n')) {
    if (event === ': keep-alive') continue;
    const match = /^event: ([a-z_.]+)\ndata: (\{[^\n\r]*\})$/.exec(event);
    if (!match) throw new Error(`no event with a name and one line of data: ${event.slice(0, 100)}`);
    const value = JSON.parse(match[2] as string) as Json;
    if (value.type !== match[1]) throw new Error(`event ${match[1]} holds a ${String(value.type)}`);
    stream.take(value);
  }
  return stream.end();
}

class Stream {
  readonly #types: string[] = [];
  readonly #done: Json[] = [];
  readonly #ids = new Set<string>();
  #id: unknown;
  #open: OpenItem | undefined;
  #final: Json | undefined;

  take(event: Json): void {
    const type = String(event.type);
    const at = this.#types.push(type) - 1;
    if (event.sequence_number !== at)
      throw new Error(`sequence_number ${String(event.sequence_number)}, not ${at}`);
    if (this.#final) throw new Error(`${type} after the end`);
    if (at < 2) return this.#begin(event, at === 0 ? 'response.created' : 'response.in_progress');
    switch (type) {
      case 'response.completed':
      case 'response.incomplete':
        return this.#finish(event, type.slice('response.'.length));
      case 'response.output_item.added':
        return this.#add(event);
      case 'response.output_item.done':
        return this.#end(event);
      default:
        return this.#inItem(type, event);
    }
  }

  end(): ReadResponse {
    if (!this.#final) throw new Error('the response does not end');
    return { response: this.#final, types: this.#types };
  }

  #begin(event: Json, expected: string): void {
    if (event.type !== expected) throw new Error(`${String(event.type)}, not ${expected}`);
    const response = event.response as Json;
    if (typeof response.id !== 'string' || !response.id.startsWith('resp_'))
      throw new Error('no id of a response');
    if (this.#id !== undefined && response.id !== this.#id) throw new Error('the id changes');
    if (response.status !== 'in_progress') throw new Error(`status ${String(response.status)}`);
    this.#id = response.id;
  }

  #add(event: Json): void {
    if (this.#open) throw new Error('an item inside an item');
    const item = event.item as Json;
    this.#place(event);
    if (typeof item.id !== 'string' || this.#ids.has(item.id))
      throw new Error('an item without an id of its own');
    this.#ids.add(item.id);
    this.#open = { item, parts: [], part: undefined, text: '', textDone: false, summary: 'None' };
  }

  #inItem(type: string, event: Json): void {
    const open = this.#open;
    if (!open) throw new Error(`${type} outside of an item`);
    this.#place(event);
    if (event.item_id !== open.item.id) throw new Error(`${type} of another item`);
    const kind = String(open.item.type);
    if (kind === 'message') inMessage(open, type, event);
    else if (kind === 'reasoning') inReasoning(open, type, event);
    else inCall(open, type, event);
  }

  #end(event: Json): void {
    const open = this.#open;
    if (!open) throw new Error('an item ends that never began');
    this.#place(event);
    const item = event.item as Json;
    if (item.id !== open.item.id || item.type !== open.item.type) throw new Error('the item ends as another');
    if (item.type === 'message') {
      if (open.part) throw new Error('a message ends inside a part');
      if (!isDeepStrictEqual(item.content, open.parts)) throw new Error('the message is not its parts');
    } else if (item.type === 'reasoning') {
      if (open.summary === 'Open') throw new Error('reasoning ends inside its summary');
      const text = (item.summary as { text: string }[]).map((part) => part.text).join('');
      if (text !== open.text) throw new Error('the summary is not its deltas');
    } else {
      if (!open.textDone) throw new Error('a call ends before its arguments');
      if ((item.arguments ?? item.input) !== open.text) throw new Error('the arguments are not their deltas');
    }
    this.#done.push(item);
    this.#open = undefined;
  }

  #finish(event: Json, status: string): void {
    if (this.#open) throw new Error('the response ends inside an item');
    const response = event.response as Json;
    if (response.id !== this.#id) throw new Error('the id changes');
    if (response.status !== status) throw new Error(`status ${String(response.status)}, not ${status}`);
    if ((status === 'incomplete') !== (response.incomplete_details !== null))
      throw new Error('why is it incomplete?');
    if (!isDeepStrictEqual(response.output, this.#done)) throw new Error('the output is not the items');
    const usage = response.usage as Record<string, number> | null;
    if (usage && usage.total_tokens !== (usage.input_tokens ?? 0) + (usage.output_tokens ?? 0)) {
      throw new Error('the total is not the sum');
    }
    this.#final = response;
  }

  #place(event: Json): void {
    if (event.output_index !== this.#done.length)
      throw new Error(`output_index ${String(event.output_index)}`);
  }
}

function inMessage(open: OpenItem, type: string, event: Json): void {
  if (event.content_index !== open.parts.length)
    throw new Error(`content_index ${String(event.content_index)}`);
  const { part } = open;
  if (type === 'response.content_part.added') {
    if (part) throw new Error('a part inside a part');
    const added = event.part as Json;
    open.part = { text: '', type: String(added.type), done: false, annotations: 0 };
    return;
  }
  if (!part) throw new Error(`${type} outside of a part`);
  const name = part.type === 'refusal' ? 'refusal' : 'text';
  const prefix = part.type === 'refusal' ? 'response.refusal' : 'response.output_text';
  if (type === 'response.content_part.done') {
    const done = event.part as Json;
    if (!part.done || done[name] !== part.text) throw new Error('the part is not its text');
    open.parts.push(done);
    open.part = undefined;
  } else if (part.done) {
    throw new Error(`${type} after the text was done`);
  } else if (type === `${prefix}.delta`) {
    if (event.delta === '') throw new Error('an empty delta');
    if (name === 'text' && !Array.isArray(event.logprobs)) throw new Error('a delta without logprobs');
    part.text += String(event.delta);
  } else if (type === `${prefix}.done`) {
    if (event[name] !== part.text) throw new Error('the text is not its deltas');
    part.done = true;
  } else if (type === 'response.output_text.annotation.added') {
    if (event.annotation_index !== part.annotations++) throw new Error('an annotation out of turn');
  } else {
    throw new Error(`${type} in a message`);
  }
}

function inReasoning(open: OpenItem, type: string, event: Json): void {
  if (event.summary_index !== 0) throw new Error(`summary_index ${String(event.summary_index)}`);
  const expected = {
    None: ['response.reasoning_summary_part.added'],
    Open: ['response.reasoning_summary_text.delta', 'response.reasoning_summary_text.done'],
    Done: ['response.reasoning_summary_part.done'],
  }[open.summary];
  if (!expected.includes(type)) throw new Error(`${type} while the summary is ${open.summary}`);
  if (type.endsWith('part.added')) open.summary = 'Open';
  else if (type.endsWith('text.delta')) open.text += String(event.delta);
  else if (type.endsWith('text.done')) {
    if (event.text !== open.text) throw new Error('the summary is not its deltas');
    open.summary = 'Done';
  }
}

function inCall(open: OpenItem, type: string, event: Json): void {
  const prefix =
    open.item.type === 'custom_tool_call'
      ? 'response.custom_tool_call_input'
      : 'response.function_call_arguments';
  if (open.textDone) throw new Error(`${type} after the arguments were done`);
  if (type === `${prefix}.delta`) open.text += String(event.delta);
  else if (type === `${prefix}.done`) {
    if ((event.arguments ?? event.input) !== open.text) throw new Error('the arguments are not their deltas');
    open.textDone = true;
  } else throw new Error(`${type} in a call`);
}
