/** Turns as `messages` of Cohere's chat: results of tools are messages of their own, text before calls is a plan. */

import { argumentsObject } from '../canonical/call-arguments.ts';
import { onlyText, resultText } from '../canonical/conversation.ts';
import type {
  Block,
  FileBlock,
  ImageBlock,
  ToolCallBlock,
  ToolResultBlock,
  Turn,
} from '../canonical/request.ts';
import { writeText } from '../canonical/tool-emulation.ts';
import type { WriteContext } from '../chat-format.ts';
import { joinSaid, jsonOfSaid, type Said, textOfSaid } from '../json/said.ts';
import { array, type JsonText, json, object } from '../json/write.ts';

export function mediaObstacle(block: Block, context: WriteContext): string | undefined {
  if (block.type === 'Audio') return 'cohere takes no audio';
  if (block.type !== 'Image' && block.type !== 'File') return undefined;
  const { source } = block;
  if (source.kind === 'Text') return undefined;
  if (block.type === 'File') return 'cohere takes no files but plain text';
  if (source.kind === 'FileId') return `it has an image uploaded to ${source.vendor}`;
  if (source.kind === 'Url' && context.quirks.imagesAsBytes && !context.media(source.url)) {
    return 'it has the URL of an image, of which the vendor needs the bytes';
  }
  return undefined;
}

export function writeMessages(turns: readonly Turn[], context: WriteContext): JsonText {
  const writer = new MessageWriter(context);
  const messages: JsonText[] = [];
  for (const turn of turns) messages.push(...writer.turn(turn));
  return array(messages);
}

class MessageWriter {
  readonly #context: WriteContext;

  constructor(context: WriteContext) {
    this.#context = context;
  }

  turn({ role, blocks }: Turn): JsonText[] {
    const only = onlyText(blocks);
    if (only !== undefined) return [`{"role":"${role}","content":${jsonOfSaid(only)}}`];
    if (role === 'assistant') return this.#answer(blocks);
    if (role === 'system') {
      const text = joinSaid(
        blocks.map((block) => (block.type === 'Text' ? block.text : '')),
        '\n',
      );
      return text === '' ? [] : [object({ role: '"system"', content: jsonOfSaid(text) })];
    }
    const results = blocks.filter((block): block is ToolResultBlock => block.type === 'ToolResult');
    const shown: (ImageBlock | FileBlock)[] = [];
    const messages = results.map((block) => this.#result(block, shown));
    const content = [...shown, ...blocks.filter((block) => block.type !== 'ToolResult')];
    const parts = content.map((block) => this.#part(block)).filter((part) => part !== undefined);
    if (parts.length > 0) messages.push(object({ role: '"user"', content: contentOf(parts) }));
    return messages;
  }

  #answer(blocks: readonly Block[]): JsonText[] {
    const calls = blocks.filter((block): block is ToolCallBlock => block.type === 'ToolCall');
    const parts: JsonText[] = [];
    const said: Said[] = [];
    for (const block of blocks) {
      if (block.type === 'ToolCall') continue;
      if (block.type === 'Text' || block.type === 'Refusal') said.push(block.text);
      else parts.push(...this.#thought(block));
    }
    const text = joinSaid(said, '');
    // With calls the text is what the model means to do.
    if (text !== '' && calls.length === 0) parts.push(textPart(text));
    if (parts.length === 0 && calls.length === 0) return [];
    return [
      object({
        role: '"assistant"',
        tool_plan: calls.length > 0 && text !== '' ? jsonOfSaid(text) : undefined,
        content: parts.length > 0 ? contentOf(parts) : undefined,
        tool_calls: calls.length > 0 ? array(calls.map((call) => this.#call(call))) : undefined,
      }),
    ];
  }

  /** Its own thinking is not signed; what is signed is another's. */
  #thought(block: Block): JsonText[] {
    const { losses } = this.#context;
    if (block.type === 'Thinking' && block.signature === undefined) {
      return block.text === '' ? [] : [object({ type: '"thinking"', thinking: json(block.text) })];
    }
    if (block.type === 'Thinking' || block.type === 'RedactedThinking') {
      losses.dropped('messages[].thinking', 'cohere reads back no thinking but its own');
    } else {
      losses.dropped('messages[].content[]', 'cohere takes text and calls from the assistant only');
    }
    return [];
  }

  #call({ id, name, arguments: text, custom }: ToolCallBlock): JsonText {
    const written = custom ? writeText(text) : argumentsObject(text, this.#context.losses);
    return object({
      id: json(id),
      type: '"function"',
      function: object({ name: json(name), arguments: json(written) }),
    });
  }

  #result(block: ToolResultBlock, shown: (ImageBlock | FileBlock)[]): JsonText {
    const { losses } = this.#context;
    for (const part of block.blocks) {
      if (part.type === 'Text') continue;
      shown.push(part);
      losses.changed(
        'messages[].content',
        'media of a tool result stand behind it, in a message of the user',
      );
    }
    const text = resultText(block);
    if (block.isError)
      losses.changed('messages[].content[].is_error', 'the error of a tool is told in words');
    return object({
      role: '"tool"',
      tool_call_id: json(block.callId),
      content: block.isError ? json(`Error: ${textOfSaid(text)}`) : jsonOfSaid(text),
    });
  }

  #part(block: Block): JsonText | undefined {
    if (block.type === 'Text') return block.text === '' ? undefined : textPart(block.text);
    if (block.type === 'Native') {
      this.#context.losses.dropped('messages[].content[]', `a block that only ${block.vendor} understands`);
    }
    if (block.type !== 'Image' && block.type !== 'File') return undefined;
    const { source } = block;
    if (source.kind === 'Text') return textPart(source.text);
    const url =
      source.kind === 'Base64' ? dataUrl(source) : source.kind === 'Url' ? this.#url(source.url) : undefined;
    if (url === undefined) return undefined;
    const detail = block.type === 'Image' ? block.detail : undefined;
    return object({
      type: '"image_url"',
      image_url: object({ url: json(url), detail: detail === undefined ? undefined : json(detail) }),
    });
  }

  #url(url: string): string {
    const fetched = this.#context.media(url);
    return fetched ? dataUrl(fetched) : url;
  }
}

const textPart = (text: Said): JsonText => object({ type: '"text"', text: jsonOfSaid(text) });
const dataUrl = ({ mediaType, data }: { mediaType: string; data: string }): string =>
  `data:${mediaType};base64,${data}`;

/** One text is written as such. */
function contentOf(parts: readonly JsonText[]): JsonText {
  const [only] = parts;
  const plain = parts.length === 1 && only !== undefined && only.startsWith('{"type":"text","text":');
  return plain ? only.slice('{"type":"text","text":'.length, -1) : array(parts);
}
