/** The blocks of one choice as events: opened, filled and closed one after the other, counted from 0. */
import type { JsonText } from '../json/write.ts';
import type { Signature } from './request.ts';
import type { ChatEvent, Finish, OpenBlock } from './response.ts';

export type Emit = (event: ChatEvent) => void;

export class BlockSequence {
  readonly choice: number;
  /** What is open now. */
  current: OpenBlock | undefined = undefined;
  /** A tool was called. */
  called = false;
  #block = -1;

  constructor(choice: number) {
    this.choice = choice;
  }

  /** Closes what is open and opens this. */
  open(open: OpenBlock, emit: Emit): void {
    this.close(emit);
    this.#block++;
    this.current = open;
    if (open.type === 'ToolCall') this.called = true;
    emit({ type: 'BlockStart', choice: this.choice, block: this.#block, open });
  }

  /** Into what is open. */
  fill(text: string, emit: Emit): void {
    if (text !== '') emit({ type: 'Delta', choice: this.choice, block: this.#block, text });
  }

  /** Goes on with an open block of this type, or opens one. */
  text(type: 'Text' | 'Thinking' | 'Refusal', text: string, emit: Emit): void {
    if (text === '') return;
    if (this.current?.type !== type) this.open({ type }, emit);
    this.fill(text, emit);
  }

  /** A block that comes in one piece. */
  whole(open: OpenBlock, text: string, emit: Emit): void {
    this.open(open, emit);
    this.fill(text, emit);
    this.close(emit);
  }

  /** Of the open Thinking block; without one, of a block of its own. */
  signature(signature: Signature, emit: Emit): void {
    if (this.current?.type !== 'Thinking') this.open({ type: 'Thinking' }, emit);
    emit({ type: 'Signature', choice: this.choice, block: this.#block, signature });
    this.close(emit);
  }

  /** Of the open Text block; without one there is nothing it could belong to. */
  citation(citation: JsonText, emit: Emit): void {
    if (this.current?.type !== 'Text') return;
    emit({ type: 'Citation', choice: this.choice, block: this.#block, citation });
  }

  close(emit: Emit): void {
    if (this.current === undefined) return;
    this.current = undefined;
    emit({ type: 'BlockStop', choice: this.choice, block: this.#block });
  }

  finish(finish: Finish, emit: Emit): void {
    this.close(emit);
    emit({ type: 'Finish', choice: this.choice, finish });
  }
}
