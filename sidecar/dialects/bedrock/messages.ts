/** Turns as `messages`, and instructions as `system`. */

import { argumentsObject } from '../canonical/call-arguments.ts';
import {
  type Alternating,
  type AlternatingTurn,
  onlyText,
  withoutTrailingSpace,
} from '../canonical/conversation.ts';
import type { Block, CacheMark, ToolResultBlock } from '../canonical/request.ts';
import { writeText } from '../canonical/tool-emulation.ts';
import { toolId } from '../canonical/tool-ids.ts';
import type { WriteContext } from '../chat-format.ts';
import { isBlank, jsonOfSaid } from '../json/said.ts';
import { array, type JsonText, json, object } from '../json/write.ts';
import { MediaWriter } from './media.ts';
import type { BedrockModel } from './model.ts';

/** Stands in a turn of which nothing else can be said; text must not be blank. */
const NOTHING = '{"text":"(empty)"}';
/** A document must not stand without text. */
const BESIDE_DOCUMENT = '{"text":"(see the document)"}';
/** Behind an answer that the model will not take for the beginning of its own. */
const GO_ON = '{"role":"user","content":[{"text":"(Go on from here.)"}]}';
const MAX_CACHE_POINTS = 4;

export interface Messages {
  system: JsonText | undefined;
  messages: JsonText;
  /** Cache points that may still be set, on tools. */
  cachePoints: CachePoints;
}

/** `prefill`: an assistant turn may stand at the end, as the beginning of the answer. */
export function writeMessages(
  { system, turns }: Alternating,
  prefill: boolean,
  model: BedrockModel,
  context: WriteContext,
): Messages {
  const cachePoints = new CachePoints(model, context);
  const writer = new MessageWriter(context, cachePoints);
  const instructions = writer.blocks(system);
  const messages = turns.map((turn, at) => writer.message(turn, at === turns.length - 1));
  if (turns.at(-1)?.role === 'assistant' && !prefill) {
    context.losses.changed('messages', 'the model takes no beginning of its answer; it is asked to go on');
    messages.push(GO_ON);
  }
  return {
    system: instructions.length > 0 ? array(instructions) : undefined,
    messages: array(messages),
    cachePoints,
  };
}

/** Marks of the prompt cache, for models that have one. */
export class CachePoints {
  readonly #model: BedrockModel;
  readonly #context: WriteContext;
  #left = MAX_CACHE_POINTS;

  constructor(model: BedrockModel, context: WriteContext) {
    this.#model = model;
    this.#context = context;
  }

  after(mark: CacheMark | undefined): JsonText[] {
    if (mark === undefined) return [];
    if (!this.#model.caches) {
      this.#context.losses.dropped('cache_control', 'the model takes no cache points');
      return [];
    }
    if (this.#left === 0) {
      this.#context.losses.dropped('cache_control', `bedrock takes ${MAX_CACHE_POINTS} cache points`);
      return [];
    }
    this.#left--;
    const ttl = mark.ttl === '1h' && this.#model.family === 'Claude' ? json('1h') : undefined;
    if (mark.ttl === '1h' && ttl === undefined)
      this.#context.losses.changed('cache_control.ttl', 'the model caches for 5m');
    return [object({ cachePoint: object({ type: '"default"', ttl }) })];
  }
}

class MessageWriter {
  readonly #context: WriteContext;
  readonly #cachePoints: CachePoints;
  readonly #media: MediaWriter;

  constructor(context: WriteContext, cachePoints: CachePoints) {
    this.#context = context;
    this.#cachePoints = cachePoints;
    this.#media = new MediaWriter(context);
  }

  message({ role, blocks }: AlternatingTurn, last: boolean): JsonText {
    const text = last ? undefined : onlyText(blocks);
    if (text !== undefined && !isBlank(text))
      return `{"role":"${role}","content":[{"text":${jsonOfSaid(text)}}]}`;
    const content = this.blocks(role === 'assistant' && last ? beginning(blocks) : blocks);
    if (
      content.some((block) => block.startsWith('{"document"')) &&
      !content.some((block) => block.startsWith('{"text"'))
    ) {
      content.push(BESIDE_DOCUMENT);
    }
    // A cache point alone is nothing either.
    if (content.every((block) => block.startsWith('{"cachePoint"'))) content.unshift(NOTHING);
    return object({ role: json(role), content: array(content) });
  }

  blocks(blocks: readonly Block[]): JsonText[] {
    const out: JsonText[] = [];
    for (const block of blocks) {
      const written = this.#block(block);
      if (written !== undefined) out.push(written);
      if ('cache' in block && (out.length > 0 || written !== undefined))
        out.push(...this.#cachePoints.after(block.cache));
    }
    return out;
  }

  #block(block: Block): JsonText | undefined {
    const { losses } = this.#context;
    switch (block.type) {
      case 'Text':
      case 'Refusal':
        return isBlank(block.text) ? undefined : object({ text: jsonOfSaid(block.text) });
      case 'Image':
        if (block.detail !== undefined && block.detail !== 'auto') {
          losses.dropped('messages[].content[].image_url.detail', 'bedrock sets no detail per image');
        }
        return this.#media.write(block);
      case 'File':
        return this.#media.write(block);
      case 'Audio':
        return this.#media.audio(block);
      case 'ToolCall':
        return object({
          toolUse: object({
            toolUseId: json(toolId(block.id, 'Forty')),
            name: json(block.name),
            input: block.custom ? writeText(block.arguments) : argumentsObject(block.arguments, losses),
          }),
        });
      case 'ToolResult':
        return this.#result(block);
      case 'Thinking': {
        const { text, signature } = block;
        if (signature?.vendor !== 'anthropic' && signature?.vendor !== 'bedrock') {
          losses.dropped('messages[].thinking', 'bedrock reads back no thinking but its own');
          return undefined;
        }
        return object({
          reasoningContent: object({
            reasoningText: object({ text: json(text), signature: json(signature.value) }),
          }),
        });
      }
      case 'RedactedThinking':
        if (block.vendor !== 'anthropic' && block.vendor !== 'bedrock') {
          losses.dropped('messages[].thinking', `encrypted thinking of ${block.vendor}`);
          return undefined;
        }
        return object({ reasoningContent: object({ redactedContent: json(block.data) }) });
      case 'Native':
        if (block.vendor === 'bedrock') return block.json;
        losses.dropped('messages[].content[]', `a block that only ${block.vendor} understands`);
        return undefined;
    }
  }

  #result(block: ToolResultBlock): JsonText {
    const content: JsonText[] = [];
    for (const part of block.blocks) {
      if (part.type !== 'Text') content.push(this.#media.write(part) ?? NOTHING);
      else if (!isBlank(part.text)) content.push(object({ text: jsonOfSaid(part.text) }));
    }
    return object({
      toolResult: object({
        toolUseId: json(toolId(block.callId, 'Forty')),
        content: array(content.length > 0 ? content : [NOTHING]),
        status: block.isError ? '"error"' : undefined,
      }),
    });
  }
}

/** The beginning of an answer must not end in white space. */
function beginning(blocks: readonly Block[]): Block[] {
  const last = blocks.at(-1);
  return last?.type === 'Text' ? [...blocks.slice(0, -1), withoutTrailingSpace(last)] : [...blocks];
}
