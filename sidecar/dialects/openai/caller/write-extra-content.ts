/**
 * Gathers, while an answer is written, what OpenAI's messages have no member for, and writes it as `extra_content`. The
 * reader of requests takes the same back when the client echoes the message. What may be held is bounded.
 */

import { GatheredText } from '../../canonical/gathered-text.ts';
import type { Block, Signature, Vendor } from '../../canonical/request.ts';
import { array, type JsonText, json, object } from '../../json/write.ts';

/** Characters held of one answer: thinking is kept until its signature is known. */
const MAX_HELD = 1024 * 1024;

export class ExtraContent {
  /** By vendor, then by member. */
  readonly #members = new Map<string, Map<string, JsonText[]>>();
  #google: string | undefined;
  #held = 0;
  readonly #thinking = new GatheredText();
  #signature: Signature | undefined;

  /** Characters kept. */
  get held(): number {
    return this.#held;
  }

  /** A piece of the open thinking block. */
  thinking(text: string): void {
    if (this.#grow(text.length)) this.#thinking.add(text);
  }

  /** Of the open thinking or text block. */
  sign(signature: Signature): void {
    this.#signature = signature;
  }

  /** The open thinking or text block is over. */
  closeBlock(): void {
    const { vendor, value } = this.#signature ?? {};
    const { text } = this.#thinking;
    this.#signature = undefined;
    this.#thinking.clear();
    if (vendor === undefined || value === undefined || !this.#grow(value.length)) {
      this.#held -= text.length;
    } else if (vendor === 'google') {
      this.#google = value;
    } else if (vendor === 'openai') {
      this.add('openai', 'reasoning_items', reasoningItem(text, value));
    } else {
      const block = { type: json('thinking'), thinking: json(text), signature: json(value) };
      this.add(vendor, 'thinking_blocks', object(block));
    }
  }

  redacted(data: string, vendor: Vendor): void {
    if (vendor === 'openai') this.add('openai', 'reasoning_items', reasoningItem('', data));
    else this.add(vendor, 'thinking_blocks', object({ type: json('redacted_thinking'), data: json(data) }));
  }

  native(text: JsonText, vendor: Vendor): void {
    this.add(vendor, 'native_blocks', text);
  }

  /** Citations in a form OpenAI's annotations do not have. */
  citation(citation: JsonText): void {
    this.add('outrider', 'citations', citation);
  }

  add(vendor: string, member: string, element: JsonText): void {
    if (!this.#grow(element.length)) return;
    let members = this.#members.get(vendor);
    if (!members) this.#members.set(vendor, (members = new Map()));
    const elements = members.get(member);
    if (elements) elements.push(element);
    else members.set(member, [element]);
  }

  /** A whole block of thinking; false for other blocks. */
  addBlock(block: Block): boolean {
    if (block.type === 'Thinking') {
      this.thinking(block.text);
      if (block.signature) this.sign(block.signature);
      this.closeBlock();
    } else if (block.type === 'RedactedThinking') {
      this.redacted(block.data, block.vendor);
    } else if (block.type === 'Native') {
      this.native(block.json, block.vendor);
    } else {
      return false;
    }
    return true;
  }

  /** Undefined where there is nothing to say. */
  render(): JsonText | undefined {
    const vendors: Record<string, JsonText> = {};
    for (const [vendor, members] of this.#members) {
      vendors[vendor] = object(
        Object.fromEntries([...members].map(([name, elements]) => [name, array(elements)])),
      );
    }
    if (this.#google !== undefined) vendors['google'] = callExtra(this.#google);
    return Object.keys(vendors).length === 0 ? undefined : object(vendors);
  }

  #grow(size: number): boolean {
    if (this.#held + size > MAX_HELD) return false;
    this.#held += size;
    return true;
  }
}

function reasoningItem(text: string, encrypted: string): JsonText {
  const summary = text === '' ? [] : [object({ type: json('summary_text'), text: json(text) })];
  return object({ type: json('reasoning'), summary: array(summary), encrypted_content: json(encrypted) });
}

const callExtra = (signature: string): JsonText => object({ thought_signature: json(signature) });

/** `extra_content` of a tool call. */
export function signedCall(signature: Signature | undefined): JsonText | undefined {
  if (signature === undefined) return undefined;
  return object({ [signature.vendor]: callExtra(signature.value) });
}
