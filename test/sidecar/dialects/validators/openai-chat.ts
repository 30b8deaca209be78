/** Holds a chat completion stream to its rules, as its strictest client would. */

type Json = Record<string, unknown>;

interface ReadChoice {
  content: string | undefined;
  refusal: string | undefined;
  reasoning: string;
  calls: { id: string; type: string; name: string; arguments: string; extra: unknown }[];
  functionCall: { name: string; arguments: string } | undefined;
  annotations: unknown[];
  extra: unknown;
  finish: string;
  finishExtra: unknown;
  logprobs: unknown[];
}

export interface ReadCompletion {
  id: string;
  model: string;
  choices: ReadChoice[];
  usage: Json | undefined;
}

const FINISHES = ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'];
const DELTA_MEMBERS = [
  'role',
  'content',
  'refusal',
  'reasoning_content',
  'tool_calls',
  'function_call',
  'annotations',
  'extra_content',
];

/** Throws at the first rule that is broken. `includeUsage`: the request asked for usage. */
export function readChatStream(bytes: Buffer, includeUsage = false): ReadCompletion {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  if (!text.endsWith('data: [DONE]\n\n')) throw new Error('the stream does not end with [DONE]');
  const stream = new Stream(includeUsage);
  for (const event of text.slice(0, -2).split('\n\n')) {
    if (event === ': keep-alive') continue;
    const match = /^data: (\[DONE\]|\{[^\n\r]*\})$/.exec(event);
    if (!match) throw new Error(`no event with one line of data: ${event.slice(0, 100)}`);
    stream.take(match[1] as string);
  }
  return stream.end();
}

class Stream {
  readonly #includeUsage: boolean;
  readonly #choices = new Map<number, Partial<ReadChoice> & { started: boolean }>();
  #head: string | undefined;
  #id = '';
  #model = '';
  #usage: Json | undefined;
  #done = false;

  constructor(includeUsage: boolean) {
    this.#includeUsage = includeUsage;
  }

  take(data: string): void {
    if (this.#done) throw new Error('an event after [DONE]');
    if (data === '[DONE]') {
      this.#done = true;
      return;
    }
    const chunk = JSON.parse(data) as Json;
    this.#checkHead(chunk);
    if (this.#usage) throw new Error('a chunk after the usage');
    const { choices } = chunk;
    if (!Array.isArray(choices)) throw new Error('a chunk without choices');
    if (choices.length === 0) {
      if (!this.#includeUsage) throw new Error('usage nobody asked for');
      this.#usage = chunk.usage as Json;
      checkUsage(this.#usage);
      return;
    }
    if (this.#includeUsage ? chunk.usage !== null : 'usage' in chunk)
      throw new Error('usage in a chunk of a choice');
    for (const choice of choices as Json[]) this.#take(choice);
  }

  end(): ReadCompletion {
    if (!this.#done) throw new Error('no [DONE]');
    const choices = [...this.#choices.entries()].sort(([a], [b]) => a - b);
    for (const [position, [index, choice]] of choices.entries()) {
      if (position !== index) throw new Error('a choice is missing');
      if (choice.finish === undefined) throw new Error(`choice ${index} does not finish`);
    }
    return {
      id: this.#id,
      model: this.#model,
      choices: choices.map(([, choice]) => choice as ReadChoice),
      usage: this.#usage,
    };
  }

  #checkHead(chunk: Json): void {
    const { id, object, created, model } = chunk;
    if (object !== 'chat.completion.chunk') throw new Error(`object is ${String(object)}`);
    if (typeof id !== 'string' || !id.startsWith('chatcmpl-')) throw new Error(`id is ${String(id)}`);
    if (!Number.isInteger(created)) throw new Error('created is no integer');
    const head = JSON.stringify([id, created, model]);
    if (this.#head !== undefined && head !== this.#head) throw new Error('id, created or model change');
    this.#head = head;
    this.#id = id;
    this.#model = String(model);
  }

  #take({ index, delta, finish_reason: finish, logprobs, extra_content: extra }: Json): void {
    if (!Number.isInteger(index)) throw new Error(`choice index is ${String(index)}`);
    let choice = this.#choices.get(index as number);
    if (!choice) {
      choice = { started: false, reasoning: '', calls: [], annotations: [], logprobs: [] };
      this.#choices.set(index as number, choice);
    }
    if (choice.finish !== undefined) throw new Error('a delta after finish_reason');
    readDelta(choice, delta as Json);
    if (logprobs) choice.logprobs?.push(logprobs);
    if (finish === null) {
      if (extra !== undefined) throw new Error('extra_content of a choice that goes on');
      return;
    }
    if (!FINISHES.includes(finish as string)) throw new Error(`finish_reason is ${finish as string}`);
    choice.finish = finish as string;
    choice.finishExtra = extra;
    const called = (choice.calls?.length ?? 0) > 0;
    if (called && finish === 'stop') throw new Error('stop, though tools were called');
    if (finish === 'tool_calls' && !called) throw new Error('tool_calls without any');
  }
}

function readDelta(choice: Partial<ReadChoice> & { started: boolean }, delta: Json): void {
  const unknown = Object.keys(delta).find((name) => !DELTA_MEMBERS.includes(name));
  if (unknown !== undefined) throw new Error(`a delta with ${unknown}`);
  if (choice.started === 'role' in delta)
    throw new Error('the role stands in the first delta, and there only');
  if (!choice.started && delta.role !== 'assistant') throw new Error(`role is ${String(delta.role)}`);
  choice.started = true;
  if (typeof delta.content === 'string') choice.content = (choice.content ?? '') + delta.content;
  if (typeof delta.refusal === 'string') choice.refusal = (choice.refusal ?? '') + delta.refusal;
  if (typeof delta.reasoning_content === 'string') choice.reasoning += delta.reasoning_content;
  if (Array.isArray(delta.annotations)) choice.annotations?.push(...(delta.annotations as unknown[]));
  if (delta.extra_content !== undefined) {
    if (choice.extra !== undefined) throw new Error('extra_content twice');
    choice.extra = delta.extra_content;
  }
  const legacy = delta.function_call as { name?: string; arguments?: string } | undefined;
  if (legacy) {
    if ((legacy.name === undefined) === (choice.functionCall === undefined))
      throw new Error('a name in each call, once');
    choice.functionCall ??= { name: legacy.name ?? '', arguments: '' };
    choice.functionCall.arguments += legacy.arguments ?? '';
  }
  for (const call of (delta.tool_calls as Json[] | undefined) ?? [])
    readCall(choice.calls as ReadChoice['calls'], call);
}

function readCall(calls: ReadChoice['calls'], call: Json): void {
  const { index, id, type, extra_content: extra } = call;
  const body = (call.function ?? call.custom) as { name?: string; arguments?: string; input?: string };
  if (typeof index !== 'number' || index < 0) throw new Error(`tool index is ${String(index)}`);
  if (index === calls.length) {
    if (typeof id !== 'string' || id === '') throw new Error('the first fragment of a call has no id');
    if (!body.name) throw new Error('the first fragment of a call has no name');
    calls.push({ id, type: String(type), name: body.name, arguments: '', extra });
  } else {
    if (index !== calls.length - 1) throw new Error(`tool index ${index} out of turn`);
    if (id !== undefined || type !== undefined || body.name !== undefined) {
      throw new Error('id, type or name after the first fragment');
    }
  }
  (calls[index] as ReadChoice['calls'][number]).arguments += body.arguments ?? body.input ?? '';
}

function checkUsage(usage: Json): void {
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage;
  if (typeof prompt !== 'number' || typeof completion !== 'number') throw new Error('usage without counts');
  if (total !== prompt + completion) throw new Error('the total is not the sum');
  const input = usage.prompt_tokens_details as Record<string, number>;
  const output = usage.completion_tokens_details as Record<string, number>;
  const parts = (details: Record<string, number>) => Object.values(details).reduce((a, b) => a + b, 0);
  if (parts(input) > prompt || parts(output) > completion) throw new Error('a part is larger than its total');
}
