/**
 * For vendors that may stream several tool calls side by side: puts the pieces of one choice in the strict order canonical
 * events have. A call ends when its arguments are complete and something else begins; what begins before that waits.
 *
 *   sequencer.text('Text', 'Hello', emit);
 *   sequencer.call('0', { id: 'call_1', name: 'search', arguments: '{"q":' }, emit);
 *   sequencer.call('0', { arguments: '"x"}' }, emit);
 *   sequencer.finish((called) => ({ reason: called ? 'ToolCalls' : 'Stop', raw: 'stop' }), emit);
 *
 * What waits is bounded; beyond that `upstream_stream_broken` is thrown.
 */
import { OutriderError } from '../../../errors/table.ts';
import type { JsonText } from '../json/write.ts';
import { BlockSequence, type Emit } from './block-sequence.ts';
import { GatheredText } from './gathered-text.ts';
import { JsonProgress } from './json-progress.ts';
import type { Signature } from './request.ts';
import type { Finish, OpenBlock } from './response.ts';
import { makeCallId } from './tool-ids.ts';

/** Characters and pieces that may wait behind an unfinished call; calls of one choice. */
const MAX_WAITING = 1024 * 1024;
const MAX_PIECES = 10_000;
const MAX_CALLS = 10_000;
/** What a call that is remembered takes, in characters. */
const CALL_SIZE = 512;

/** Of a call whose name never came: clients tell the model that there is no such tool, and it tries again. */
const UNNAMED = 'unnamed';

/** One fragment of a call. Id and name may come with any fragment; the first of each counts. */
export interface CallPiece {
  id?: string | undefined;
  name?: string | undefined;
  /** A piece of the arguments, as text. */
  arguments?: string | undefined;
  custom?: boolean | undefined;
  signature?: Signature | undefined;
}

interface Call {
  id: string | undefined;
  name: string | undefined;
  custom: boolean;
  signature: Signature | undefined;
  state: 'Waiting' | 'Open' | 'Closed';
  /** Arguments that wait, while the call does. */
  readonly held: GatheredText;
  /** Characters of arguments so far. */
  size: number;
  readonly progress: JsonProgress;
}

type PlainType = 'Text' | 'Thinking' | 'Refusal';

/** What waits, in order. */
type Waiting =
  | { kind: 'Call'; call: Call }
  | { kind: 'Plain'; type: PlainType; text: GatheredText }
  | { kind: 'Whole'; open: OpenBlock }
  | { kind: 'Signature'; signature: Signature };

export class CallSequencer {
  readonly #blocks: BlockSequence;
  /** Stands in ids made for calls the vendor gave none; unique per answer. */
  readonly #seed: string;
  readonly #calls = new Map<string, Call>();
  #current: Call | undefined;
  #begun = 0;
  #waiting: Waiting[] = [];
  #size = 0;
  #finished = false;

  constructor(choice: number, seed: string) {
    this.#blocks = new BlockSequence(choice);
    this.#seed = seed;
  }

  /** Characters it keeps, what a call takes by itself included. */
  get held(): number {
    return this.#size + this.#calls.size * CALL_SIZE;
  }

  /** Characters of arguments that came for this call; undefined where there is none. */
  argumentsOf(key: string): number | undefined {
    return this.#calls.get(key)?.size;
  }

  text(type: PlainType, text: string, emit: Emit): void {
    if (text === '') return;
    if (this.#isFree(emit)) {
      this.#leave();
      this.#blocks.text(type, text, emit);
      return;
    }
    const last = this.#waiting.at(-1);
    this.#grow(text.length);
    if (last?.kind === 'Plain' && last.type === type) {
      last.text.add(text);
      return;
    }
    const waiting = new GatheredText();
    waiting.add(text);
    this.#push({ kind: 'Plain', type, text: waiting });
  }

  /** A block that comes in one piece. */
  whole(open: OpenBlock, emit: Emit): void {
    if (this.#isFree(emit)) {
      this.#leave();
      this.#blocks.whole(open, '', emit);
    } else {
      this.#grow(sizeOf(open));
      this.#push({ kind: 'Whole', open });
    }
  }

  signature(signature: Signature, emit: Emit): void {
    if (this.#isFree(emit)) {
      this.#leave();
      this.#blocks.signature(signature, emit);
    } else {
      this.#grow(signature.value.length);
      this.#push({ kind: 'Signature', signature });
    }
  }

  citation(citation: JsonText, emit: Emit): void {
    if (this.#waiting.length === 0) this.#blocks.citation(citation, emit);
  }

  logprobs(logprobs: JsonText, emit: Emit): void {
    emit({ type: 'Logprobs', choice: this.#blocks.choice, logprobs });
  }

  /** Ends the text or thinking that is open: the next piece of its kind is a block of its own. */
  endText(emit: Emit): void {
    if (this.#current === undefined) this.#blocks.close(emit);
  }

  /** `key` tells the calls of the choice apart. */
  call(key: string, piece: CallPiece, emit: Emit): void {
    let call = this.#calls.get(key);
    if (call === undefined) {
      if (this.#calls.size >= MAX_CALLS) throw tooMuch('it makes too many tool calls');
      call = newCall();
      this.#calls.set(key, call);
      this.#push({ kind: 'Call', call });
    }
    const text = piece.arguments ?? '';
    call.size += text.length;
    if (call.state === 'Open') {
      this.#fill(call, text, emit);
    } else if (call.state === 'Waiting') {
      const { id, name, signature } = call;
      call.id ??= piece.id === '' ? undefined : piece.id;
      call.name ??= piece.name === '' ? undefined : piece.name;
      call.signature ??= piece.signature;
      if (piece.custom) call.custom = true;
      if (call.id !== id) this.#grow(lengthOf(call.id));
      if (call.name !== name) this.#grow(lengthOf(call.name));
      if (call.signature !== signature) this.#grow(lengthOf(call.signature?.value));
      this.#grow(text.length);
      if (text !== '') call.held.add(text);
      this.#advance(emit);
    }
    // What comes for a call that was complete is white space, or nothing that could still be told of.
  }

  /** The last of a choice: what waits comes out, whether complete or not. `called`: tools were called. */
  finish(finish: (called: boolean) => Finish, emit: Emit): void {
    if (this.#finished) return;
    this.#finished = true;
    for (let first = this.#waiting.shift(); first !== undefined; first = this.#waiting.shift()) {
      this.#release(first, emit);
    }
    this.#blocks.finish(finish(this.#begun > 0), emit);
  }

  /** Whether something that is no call may begin, or go on, now. */
  #isFree(emit: Emit): boolean {
    this.#advance(emit);
    return this.#waiting.length === 0 && this.#mayClose();
  }

  #mayClose(): boolean {
    const call = this.#current;
    return call === undefined || call.custom || call.progress.complete;
  }

  /** Lets out what waits, as far as it may. */
  #advance(emit: Emit): void {
    while (this.#waiting.length > 0 && this.#mayClose()) {
      const first = this.#waiting[0] as Waiting;
      if (first.kind === 'Call' && first.call.name === undefined) return;
      this.#waiting.shift();
      this.#release(first, emit);
    }
  }

  #release(first: Waiting, emit: Emit): void {
    this.#leave();
    switch (first.kind) {
      case 'Plain':
        this.#size -= first.text.length;
        this.#blocks.text(first.type, first.text.text, emit);
        return;
      case 'Whole':
        this.#size -= sizeOf(first.open);
        this.#blocks.whole(first.open, '', emit);
        return;
      case 'Signature':
        this.#size -= first.signature.value.length;
        this.#blocks.signature(first.signature, emit);
        return;
      case 'Call':
        // A fragment that says nothing at all is no call.
        if (first.call.name !== undefined || first.call.id !== undefined || first.call.held.length > 0) {
          this.#begin(first.call, emit);
        }
    }
  }

  #begin(call: Call, emit: Emit): void {
    const { custom, signature, name = UNNAMED } = call;
    const held = call.held.text;
    this.#size -= held.length + lengthOf(call.id) + lengthOf(call.name) + lengthOf(signature?.value);
    call.held.clear();
    call.state = 'Open';
    const id = call.id ?? makeCallId(this.#seed, this.#blocks.choice, this.#begun);
    this.#begun++;
    // A call is remembered for late pieces of it; of what it was only its length matters then.
    call.id = undefined;
    call.name = undefined;
    call.signature = undefined;
    const open: OpenBlock = { type: 'ToolCall', id, name };
    if (custom) open.custom = true;
    if (signature) open.signature = signature;
    this.#blocks.open(open, emit);
    this.#current = call;
    this.#fill(call, held, emit);
  }

  #fill(call: Call, text: string, emit: Emit): void {
    if (!call.custom) call.progress.add(text);
    this.#blocks.fill(text, emit);
  }

  #leave(): void {
    if (this.#current === undefined) return;
    this.#current.state = 'Closed';
    this.#current = undefined;
  }

  #push(what: Waiting): void {
    this.#waiting.push(what);
    if (this.#waiting.length > MAX_PIECES) throw tooMuch('too much comes before a tool call is complete');
  }

  #grow(size: number): void {
    this.#size += size;
    if (this.#size > MAX_WAITING) throw tooMuch('too much comes before a tool call is complete');
  }
}

const lengthOf = (text: string | undefined): number => text?.length ?? 0;

const sizeOf = (open: OpenBlock): number =>
  'data' in open ? open.data.length : 'json' in open ? open.json.length : 0;

function newCall(): Call {
  return {
    id: undefined,
    name: undefined,
    custom: false,
    signature: undefined,
    state: 'Waiting',
    held: new GatheredText(),
    size: 0,
    progress: new JsonProgress(),
  };
}

function tooMuch(reason: string): OutriderError {
  return new OutriderError('upstream_stream_broken', { target: 'of this request', reason });
}
