/** Turns as `contents`, and instructions as `systemInstruction`. */

import { argumentsObject, isJsonObject } from '../canonical/call-arguments.ts';
import {
  type AlternatingTurn,
  alternate,
  isEmptyText,
  onlyText,
  resultText,
} from '../canonical/conversation.ts';
import type { Block, ThinkingBlock, ToolCallBlock, ToolResultBlock, Turn } from '../canonical/request.ts';
import { writeText } from '../canonical/tool-emulation.ts';
import type { WriteContext } from '../chat-format.ts';
import { jsonOfSaid, type Said, textOfSaid } from '../json/said.ts';
import { array, type JsonText, json, object } from '../json/write.ts';
import { vendorCallId } from './call-ids.ts';
import { audioPart, mediaPart } from './media.ts';
import type { GeminiModel } from './model.ts';

/** Documented stand-in for a signature that is lost: the vendor's check is passed over. */
const SKIPPED_SIGNATURE = 'skip_thought_signature_validator';

export interface Contents {
  contents: JsonText;
  systemInstruction: JsonText | undefined;
}

export function writeContents(turns: readonly Turn[], model: GeminiModel, context: WriteContext): Contents {
  const { system, turns: alternating } = alternate(turns, context.losses);
  const writer = new ContentWriter(model, context);
  const instructions = writer.parts(system.filter((block) => !isEmptyText(block)));
  return {
    contents: array(alternating.map((turn) => writer.content(turn))),
    systemInstruction: instructions.length > 0 ? object({ parts: array(instructions) }) : undefined,
  };
}

class ContentWriter {
  readonly #model: GeminiModel;
  readonly #context: WriteContext;

  constructor(model: GeminiModel, context: WriteContext) {
    this.#model = model;
    this.#context = context;
  }

  content({ role, blocks }: AlternatingTurn): JsonText {
    const text = onlyText(blocks);
    if (text !== undefined) {
      return `{"role":"${role === 'assistant' ? 'model' : 'user'}","parts":[{"text":${jsonOfSaid(text)}}]}`;
    }
    const parts = role === 'assistant' ? this.#answer(blocks) : this.#question(blocks);
    // A turn of which nothing can be said must still stand between its neighbours.
    if (parts.length === 0) parts.push('{"text":" "}');
    return object({ role: json(role === 'assistant' ? 'model' : 'user'), parts: array(parts) });
  }

  parts(blocks: readonly Block[]): JsonText[] {
    return blocks.map((block) => this.#part(block)).filter((part) => part !== undefined);
  }

  /** Results of calls first, then the media they had, then what the user says. */
  #question(blocks: readonly Block[]): JsonText[] {
    const results: JsonText[] = [];
    const media: JsonText[] = [];
    for (const block of blocks) if (block.type === 'ToolResult') results.push(this.#result(block, media));
    return [...results, ...media, ...this.parts(blocks.filter((block) => block.type !== 'ToolResult'))];
  }

  #answer(blocks: readonly Block[]): JsonText[] {
    const parts: JsonText[] = [];
    let calls = 0;
    for (const block of blocks) {
      const part = block.type === 'ToolCall' ? this.#call(block, calls++ === 0) : this.#part(block);
      if (part !== undefined) parts.push(part);
    }
    return parts;
  }

  #part(block: Block): JsonText | undefined {
    switch (block.type) {
      case 'Text':
      case 'Refusal':
        return block.text === '' ? undefined : object({ text: jsonOfSaid(block.text) });
      case 'Image':
        if (block.detail !== undefined && block.detail !== 'auto') {
          this.#context.losses.dropped(
            'messages[].content[].image_url.detail',
            'gemini sets no detail per image',
          );
        }
        return mediaPart(block, this.#context);
      case 'File':
        return mediaPart(block, this.#context);
      case 'Audio':
        return audioPart(block);
      case 'Thinking':
        return this.#thought(block);
      case 'Native':
        if (block.vendor === 'google') return block.json;
        this.#context.losses.dropped('messages[].content[]', `a block that only ${block.vendor} understands`);
        return undefined;
      case 'RedactedThinking':
        this.#context.losses.dropped('messages[].thinking', `encrypted thinking of ${block.vendor}`);
        return undefined;
      case 'ToolCall':
        return this.#call(block, true);
      case 'ToolResult':
        return this.#result(block, []);
    }
  }

  /** Unsigned thoughts are summaries, which the vendor does not read; signatures of others mean nothing to it. */
  #thought({ text, signature }: ThinkingBlock): JsonText | undefined {
    if (signature === undefined) return undefined;
    if (signature.vendor !== 'google') {
      this.#context.losses.dropped('messages[].thinking', 'gemini reads back no thinking but its own');
      return undefined;
    }
    return object({
      text: json(text),
      thought: text === '' ? undefined : 'true',
      thoughtSignature: json(signature.value),
    });
  }

  /** Of several calls in a turn the first carries the signature. */
  #call({ id, name, arguments: text, custom, signature }: ToolCallBlock, first: boolean): JsonText {
    const { losses, quirks } = this.#context;
    let value = signature?.vendor === 'google' ? signature.value : undefined;
    if (value === undefined && first && this.#model.wantsSignatures) {
      // Earlier turns get it too, though only the current one is checked: the prefix must stay what a cache knows.
      value = SKIPPED_SIGNATURE;
      losses.changed(
        'messages[].tool_calls[].extra_content.google.thought_signature',
        'a call came back without its thought signature; the vendor is told to skip the check',
      );
    }
    const own = quirks.omitCallIds ? undefined : vendorCallId(id);
    return object({
      functionCall: object({
        id: own === undefined ? undefined : json(own),
        name: json(name),
        args: custom ? writeText(text) : argumentsObject(text, losses),
      }),
      thoughtSignature: value === undefined ? undefined : json(value),
    });
  }

  /** The response must be an object. Media go into it where the model takes them there, else into the turn. */
  #result(block: ToolResultBlock, media: JsonText[]): JsonText {
    const { losses, quirks } = this.#context;
    const text = resultText(block);
    const response = block.isError
      ? object({ error: jsonOfSaid(text) })
      : (objectIn(text) ?? object({ output: jsonOfSaid(text) }));
    const inner: JsonText[] = [];
    for (const part of block.blocks) {
      if (part.type === 'Text') continue;
      const written = mediaPart(part, this.#context);
      if (written === undefined) continue;
      if (this.#model.mixes && !written.startsWith('{"text"')) inner.push(written);
      else {
        media.push(written);
        losses.changed('messages[].content', 'media of a tool result stand behind it in the turn');
      }
    }
    const own = quirks.omitCallIds ? undefined : vendorCallId(block.callId);
    return object({
      functionResponse: object({
        id: own === undefined ? undefined : json(own),
        name: json(block.name),
        response,
        parts: inner.length > 0 ? array(inner) : undefined,
      }),
    });
  }
}

/** The text where it is an object itself. */
function objectIn(text: Said): JsonText | undefined {
  const trimmed = textOfSaid(text).trim();
  return isJsonObject(trimmed) ? trimmed : undefined;
}
