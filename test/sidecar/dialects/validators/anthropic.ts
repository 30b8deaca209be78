/** Holds a stream of the Messages API to its rules, as its strictest client would. */

type Json = Record<string, unknown>;

const word = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');

interface Block {
  type: string;
  text: string;
  input: string;
  signature: string;
  annotations: unknown[];
  citations: unknown[];
  start: Json;
}

export interface ReadMessage {
  id: string;
  model: string;
  blocks: Block[];
  stopReason: string;
  stopSequence: string | null;
  /** Of the start, with the last delta over it. */
  usage: Json;
  /** The whole `delta` of the last message_delta. */
  delta: Json;
}

const DELTAS: Readonly<Record<string, string>> = {
  text: 'text_delta',
  thinking: 'thinking_delta',
  tool_use: 'input_json_delta',
  server_tool_use: 'input_json_delta',
};
const STOPS = [
  'end_turn',
  'max_tokens',
  'stop_sequence',
  'tool_use',
  'pause_turn',
  'refusal',
  'model_context_window_exceeded',
];
const CITATIONS = [
  'char_location',
  'page_location',
  'content_block_location',
  'web_search_result_location',
  'search_result_location',
];

/**
 * Throws at the first rule that is broken. A stream without `message_stop` is one that broke off. `vendors`: the bytes are the
 * vendor's own, which begins arguments with an empty piece; ours never does.
 */
export function readAnthropicStream(bytes: Buffer, vendors = false): ReadMessage {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  const stream = new Stream(vendors);
  if (!text.endsWith('\n\n')) throw new Error('the stream ends inside an event');
  for (const event of text.slice(0, -2).split('\n\n')) if (event !== ': keep-alive') stream.take(event);
  return stream.end();
}

class Stream {
  readonly #vendors: boolean;
  #message: Json | undefined;
  #open: Block | undefined;
  readonly #blocks: Block[] = [];
  #delta: Json | undefined;
  #usage: Json = {};
  #stopped = false;

  constructor(vendors: boolean) {
    this.#vendors = vendors;
  }

  take(event: string): void {
    const match = /^event: ([a-z_]+)\ndata: (\{[^\n\r]*\})$/.exec(event);
    if (!match) throw new Error(`no event with a name and one line of data: ${event.slice(0, 100)}`);
    const value = JSON.parse(match[2] as string) as Json;
    if (value.type !== match[1]) throw new Error(`event ${match[1]} holds a ${word(value.type)}`);
    if (value.type === 'ping') {
      if (!this.#message) throw new Error('a ping before the message');
      return;
    }
    if (this.#stopped) throw new Error(`${word(value.type)} after message_stop`);
    if (value.type === 'message_start') return this.#start(value.message as Json);
    if (!this.#message) throw new Error(`${word(value.type)} before message_start`);
    if (this.#delta && value.type !== 'message_stop')
      throw new Error(`${word(value.type)} after message_delta`);
    switch (value.type) {
      case 'content_block_start':
        return this.#begin(value);
      case 'content_block_delta':
        return this.#fill(value);
      case 'content_block_stop':
        return this.#stop(value);
      case 'message_delta':
        return this.#finish(value);
      case 'message_stop':
        if (!this.#delta) throw new Error('message_stop before message_delta');
        this.#stopped = true;
        return;
      default:
        throw new Error(`nobody knows ${word(value.type)}`);
    }
  }

  end(): ReadMessage {
    if (!this.#stopped || !this.#message || !this.#delta) throw new Error('no message_stop');
    const { id, model } = this.#message as { id: string; model: string };
    return {
      id,
      model,
      blocks: this.#blocks,
      stopReason: this.#delta.stop_reason as string,
      stopSequence: this.#delta.stop_sequence as string | null,
      usage: this.#usage,
      delta: this.#delta,
    };
  }

  #start(message: Json): void {
    if (this.#message) throw new Error('a second message_start');
    if (!/^msg_[a-zA-Z0-9_-]+$/.test(word(message.id))) throw new Error(`id ${word(message.id)}`);
    if (message.type !== 'message' || message.role !== 'assistant')
      throw new Error('no message of the assistant');
    if (typeof message.model !== 'string' || message.model === '') throw new Error('no model');
    if (JSON.stringify(message.content) !== '[]') throw new Error('a message that starts with content');
    if (message.stop_reason !== null || message.stop_sequence !== null)
      throw new Error('a message that has ended');
    this.#message = message;
    this.#usage = checkUsage(message.usage, true);
  }

  #begin({ index, content_block: start }: Json): void {
    if (this.#open) throw new Error('a block inside a block');
    if (index !== this.#blocks.length) throw new Error(`block ${word(index)}, not ${this.#blocks.length}`);
    const block = start as Json;
    const type = word(block.type);
    if (type === 'text' && block.text !== '') throw new Error('a text that does not start empty');
    if (type === 'thinking' && (block.thinking !== '' || block.signature !== ''))
      throw new Error('thinking that does not start empty');
    if (type === 'tool_use') {
      if (!/^[a-zA-Z0-9_-]+$/.test(word(block.id))) throw new Error(`tool id ${word(block.id)}`);
      if (typeof block.name !== 'string' || block.name === '') throw new Error('a call without a name');
      if (JSON.stringify(block.input) !== '{}') throw new Error('input in the start of a call');
    }
    if (type === 'redacted_thinking' && typeof block.data !== 'string') throw new Error('no data');
    this.#open = { type, text: '', input: '', signature: '', annotations: [], citations: [], start: block };
  }

  #fill({ index, delta }: Json): void {
    const open = this.#open;
    if (!open || index !== this.#blocks.length) throw new Error(`a delta of block ${word(index)}`);
    const { type, ...rest } = delta as Json;
    if (open.signature !== '') throw new Error(`${word(type)} after the signature`);
    if (type === 'signature_delta' && open.type === 'thinking') {
      open.signature = word(rest.signature);
      if (open.signature === '') throw new Error('an empty signature');
      return;
    }
    if (type === 'citations_delta' && open.type === 'text') {
      if (!CITATIONS.includes(word((rest.citation as Json).type))) throw new Error('a citation nobody knows');
      open.citations.push(rest.citation);
      return;
    }
    if (type !== DELTAS[open.type]) throw new Error(`${word(type)} in ${open.type}`);
    const piece = rest.text ?? rest.thinking ?? rest.partial_json;
    const empty = piece === '' && !(this.#vendors && type === 'input_json_delta' && open.input === '');
    if (typeof piece !== 'string' || empty) throw new Error(`an empty ${word(type)}`);
    if (type === 'input_json_delta') open.input += piece;
    else open.text += piece;
  }

  #stop({ index, annotations }: Json): void {
    const open = this.#open;
    if (!open || index !== this.#blocks.length) throw new Error(`the end of block ${word(index)}`);
    if (open.type === 'text' && open.text === '') throw new Error('an empty text block');
    if (Array.isArray(annotations)) open.annotations = annotations;
    this.#blocks.push(open);
    this.#open = undefined;
  }

  #finish({ delta, usage }: Json): void {
    if (this.#open) throw new Error('message_delta inside a block');
    const { stop_reason: reason, stop_sequence: sequence } = delta as Json;
    if (!STOPS.includes(word(reason))) throw new Error(`stop reason ${word(reason)}`);
    if ((reason === 'stop_sequence') !== (typeof sequence === 'string')) throw new Error('stop_sequence');
    if (reason === 'tool_use' && !this.#blocks.some(({ type }) => type === 'tool_use'))
      throw new Error('no call');
    this.#delta = delta as Json;
    this.#usage = { ...this.#usage, ...checkUsage(usage, false) };
  }
}

function checkUsage(usage: unknown, start: boolean): Json {
  const value = usage as Json;
  for (const name of start ? ['input_tokens', 'output_tokens'] : ['output_tokens']) {
    if (!Number.isInteger(value[name])) throw new Error(`usage without ${name}`);
  }
  return value;
}
