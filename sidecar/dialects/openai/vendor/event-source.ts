/** Chunks of a chat completion stream as canonical events, with the oddities of those who imitate it. */

import type { Usage } from '../../../accounting/usage.ts';
import type { Emit } from '../../canonical/block-sequence.ts';
import { type CallPiece, CallSequencer } from '../../canonical/call-sequencer.ts';
import type { EventSource } from '../../chat-format.ts';
import type { EventReading } from '../../dialect.ts';
import { isObject, type Json, textOf } from '../../json/parsed.ts';
import { readJson } from '../../json/tape.ts';
import type { JsonText } from '../../json/write.ts';
import { readUsage } from '../usage.ts';
import { type CallReading, callOf, contentOf, thinkingOf } from './message-reading.ts';
import { finishOf } from './stop-reason.ts';

/** OpenAI's own bound on `n`. */
const MAX_CHOICES = 128;
/** Longest id of a call that others are told apart by. */
const MAX_ID = 512;

/** One choice while it is read. */
class Choice {
  readonly blocks: CallSequencer;
  finish: string | undefined;
  refused = false;
  /** Key of the call that pieces without index and id belong to. */
  lastCall = '';
  /** Per index: the key of the call that stands there, and its id. Servers give several calls the same index. */
  readonly at = new Map<number, { key: string; id: string | undefined }>();
  readonly byId = new Map<string, string>();
  keys = 0;

  constructor(index: number, seed: string) {
    this.blocks = new CallSequencer(index, seed);
  }
}

export class ChatEventSource implements EventSource {
  readonly #choices = new Map<number, Choice>();
  #started = false;
  #seed = '';
  #usage: Usage | undefined;
  #rawUsage: unknown;
  #serviceTier: string | undefined;

  /** Characters kept of the stream. */
  get held(): number {
    let held = 0;
    for (const { blocks } of this.#choices.values()) held += blocks.held;
    return held;
  }

  read(data: Buffer, reading: EventReading, emit: Emit): void {
    const chunk = parsed(data);
    if (chunk === undefined) return;
    if (!this.#started) this.#start(chunk, emit);
    this.#serviceTier = textOf(chunk['service_tier']) ?? this.#serviceTier;
    if (reading.usage !== undefined) {
      this.#usage = readUsage(reading.usage) ?? this.#usage;
      this.#rawUsage = reading.usage;
    }
    const { choices } = chunk;
    if (!Array.isArray(choices)) return;
    for (const [position, choice] of (choices as unknown[]).entries()) {
      if (isObject(choice)) this.#readChoice(choice, data, position, emit);
    }
  }

  /** A choice ends here and not with its finish_reason: some servers send content behind it. */
  end(emit: Emit): void {
    if (!this.#started) this.#start({}, emit);
    for (const { blocks, finish, refused } of this.#choices.values()) {
      blocks.finish((called) => finishOf(finish, called, refused), emit);
    }
    if (this.#usage) {
      emit({ type: 'Usage', usage: this.#usage, rawUsage: this.#rawUsage, serviceTier: this.#serviceTier });
    }
    emit({ type: 'End' });
  }

  #start(chunk: Json, emit: Emit): void {
    this.#started = true;
    const id = textOf(chunk['id']) || undefined;
    this.#seed = id ?? '';
    emit({
      type: 'Start',
      id,
      model: textOf(chunk['model']) || undefined,
      usage: undefined,
      rawUsage: undefined,
    });
  }

  #readChoice(choice: Json, data: Buffer, position: number, emit: Emit): void {
    const { index, finish_reason: reason } = choice;
    const at = typeof index === 'number' ? index : 0;
    const known = this.#choice(at);
    if (!known) return;
    const delta = isObject(choice['delta']) ? choice['delta'] : choice['message'];
    if (isObject(delta)) readDelta(known, delta, emit, () => rawDelta(data, position));
    if (isObject(choice['logprobs'])) known.blocks.logprobs(rawLogprobs(data, position), emit);
    if (typeof reason === 'string' && reason !== '') known.finish = reason;
  }

  #choice(index: number): Choice | undefined {
    let choice = this.#choices.get(index);
    if (!choice && Number.isInteger(index) && index >= 0 && index < MAX_CHOICES) {
      this.#choices.set(index, (choice = new Choice(index, this.#seed)));
    }
    return choice;
  }
}

function readDelta(choice: Choice, delta: Json, emit: Emit, raw: () => RawDelta): void {
  const { blocks } = choice;
  const thinking = thinkingOf(delta);
  if (thinking !== '') blocks.text('Thinking', thinking, emit);
  const { content, refusal, annotations } = delta;
  if (typeof content === 'string') blocks.text('Text', content, emit);
  else for (const { type, text } of contentOf(content)) blocks.text(type, text, emit);
  if (typeof refusal === 'string' && refusal !== '') {
    choice.refused = true;
    blocks.text('Refusal', refusal, emit);
  }
  if (Array.isArray(annotations)) for (const citation of raw().annotations()) blocks.citation(citation, emit);
  const { tool_calls: calls, function_call: legacy } = delta;
  if (Array.isArray(calls)) {
    for (const [position, call] of (calls as unknown[]).entries()) {
      const reading = callOf(call);
      if (reading) addCall(choice, reading, emit, () => raw().arguments(position));
    }
  }
  const reading = isObject(legacy) ? callOf(legacy) : undefined;
  if (reading)
    blocks.call(
      'function_call',
      pieceOf(reading, () => raw().legacyArguments()),
      emit,
    );
}

function addCall(choice: Choice, reading: CallReading, emit: Emit, raw: () => string | undefined): void {
  const key = keyOf(choice, reading);
  choice.lastCall = key;
  if (reading.id !== undefined && reading.id.length <= MAX_ID) choice.byId.set(reading.id, key);
  choice.blocks.call(key, pieceOf(reading, raw), emit);
}

/** Which call a piece belongs to. Indexes are missing with some servers, and the same for all calls with others. */
function keyOf(choice: Choice, { index, id: given, name }: CallReading): string {
  const id = given === undefined || given.length > MAX_ID ? undefined : given;
  if (index !== undefined) {
    const there = choice.at.get(index);
    const another = there?.id !== undefined && id !== undefined && there.id !== id && name !== undefined;
    if (there && !another) {
      there.id ??= id;
      return there.key;
    }
    const key = String(choice.keys++);
    choice.at.set(index, { key, id });
    return key;
  }
  if (id !== undefined) return choice.byId.get(id) ?? String(choice.keys++);
  // Without either, a name begins a call and anything else goes on with the last one.
  return name !== undefined || choice.keys === 0 ? String(choice.keys++) : choice.lastCall;
}

function pieceOf(reading: CallReading, raw: () => string | undefined): CallPiece {
  const { id, name, custom, signature } = reading;
  const args = typeof reading.arguments === 'object' ? raw() : reading.arguments;
  const piece: CallPiece = { id, name, arguments: args, custom };
  if (signature) piece.signature = { vendor: 'google', value: signature };
  return piece;
}

/** Values of a chunk as they were written; only looked for where there are any. */
interface RawDelta {
  annotations(): JsonText[];
  arguments(call: number): JsonText | undefined;
  legacyArguments(): JsonText | undefined;
}

function rawDelta(data: Buffer, position: number): RawDelta {
  const choice = rawChoice(data, position);
  const delta = choice?.at('delta') ?? choice?.at('message');
  return {
    annotations: () => Array.from(delta?.at('annotations')?.elements() ?? [], (element) => element.raw),
    arguments(call) {
      const found = [...(delta?.at('tool_calls')?.elements() ?? [])][call];
      return (found?.at('function') ?? found)?.at('arguments')?.raw;
    },
    legacyArguments: () => delta?.at('function_call')?.at('arguments')?.raw,
  };
}

const rawLogprobs = (data: Buffer, position: number): JsonText =>
  rawChoice(data, position)?.at('logprobs')?.raw ?? 'null';

const rawChoice = (data: Buffer, position: number) =>
  [...(readJson(data).at('choices')?.elements() ?? [])][position];

function parsed(data: Buffer): Json | undefined {
  // `[DONE]` and its like.
  if (data.length === 0 || data[0] === 0x5b) return undefined;
  try {
    const value: unknown = JSON.parse(data.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
