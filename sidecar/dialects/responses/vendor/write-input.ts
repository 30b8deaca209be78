/** Turns as input items. */

import { onlyText } from '../../canonical/conversation.ts';
import type {
  Block,
  ChatRequest,
  FileBlock,
  TextBlock,
  ToolCallBlock,
  ToolResultBlock,
  Turn,
} from '../../canonical/request.ts';
import { toolId } from '../../canonical/tool-ids.ts';
import type { WriteContext } from '../../chat-format.ts';
import { joinSaid, jsonOfSaid, type Said } from '../../json/said.ts';
import { array, type JsonText, json, object, optional } from '../../json/write.ts';
import { imageUrl } from '../../openai/vendor/write-parts.ts';
import { dropCache } from '../../openai/vendor/write-tools.ts';
import { summaryPart } from '../caller/items.ts';

export function writeInput({ turns }: ChatRequest, context: WriteContext): JsonText {
  const items: JsonText[] = [];
  const custom = new Set<string>();
  for (const turn of turns) {
    for (const block of turn.blocks) if (block.type === 'ToolCall' && block.custom) custom.add(block.id);
    if (turn.name !== undefined)
      context.losses.dropped('messages[].name', 'Responses have no names of speakers');
    const text = onlyText(turn.blocks);
    if (text !== undefined) {
      items.push(writeText(turn.role, text, context));
      continue;
    }
    if (turn.blocks.some((block) => 'cache' in block && block.cache)) {
      dropCache('messages[].content[].cache_control', context.losses);
    }
    if (turn.role === 'assistant') writeAssistant(turn, context, items);
    else writeAsked(turn, custom, context, items);
  }
  return array(items);
}

function writeText(role: Turn['role'], text: Said, { quirks }: WriteContext): JsonText {
  const as = role === 'system' ? (quirks.systemRole ?? 'system') : role;
  const type = role === 'assistant' ? 'output_text' : 'input_text';
  return `{"type":"message","role":"${as}","content":[{"type":"${type}","text":${jsonOfSaid(text)}}]}`;
}

/** Instructions, or what the user says. Results come first: they answer the calls right before them. */
function writeAsked(
  { role, blocks }: Turn,
  custom: ReadonlySet<string>,
  context: WriteContext,
  items: JsonText[],
): void {
  const parts: JsonText[] = [];
  for (const block of blocks) {
    if (block.type === 'ToolResult') {
      items.push(writeResult(block, custom.has(block.callId), context));
    } else {
      const part = writePart(block, context);
      if (part !== undefined) parts.push(part);
    }
  }
  if (parts.length === 0) return;
  const as = role === 'system' ? (context.quirks.systemRole ?? 'system') : role;
  items.push(message(as, array(parts)));
}

const message = (role: string, content: JsonText): JsonText =>
  object({ type: json('message'), role: json(role), content });

function writeAssistant({ blocks }: Turn, context: WriteContext, items: JsonText[]): void {
  let parts: JsonText[] = [];
  const endMessage = () => {
    if (parts.length > 0) items.push(message('assistant', array(parts)));
    parts = [];
  };
  for (const block of blocks) {
    if (block.type === 'Text') {
      if (block.text !== '') parts.push(object({ type: json('output_text'), text: jsonOfSaid(block.text) }));
    } else if (block.type === 'Refusal') {
      parts.push(object({ type: json('refusal'), refusal: json(block.text) }));
    } else {
      endMessage();
      const item = writeItem(block, context);
      if (item !== undefined) items.push(item);
    }
  }
  endMessage();
}

function writeItem(block: Block, context: WriteContext): JsonText | undefined {
  const { losses } = context;
  if (block.type === 'ToolCall') {
    if (block.signature) losses.dropped('messages[].thinking', FOREIGN);
    return writeCall(block, context);
  }
  if (block.type === 'Thinking' && block.signature?.vendor === 'openai') {
    return object({
      type: json('reasoning'),
      summary: array(block.text === '' ? [] : [summaryPart(block.text)]),
      encrypted_content: json(block.signature.value),
    });
  }
  const thinking = block.type === 'Thinking' || block.type === 'RedactedThinking';
  if (thinking) losses.dropped('messages[].thinking', FOREIGN);
  else losses.dropped('messages[].content', `the assistant's turns hold no ${block.type}`);
  return undefined;
}

const FOREIGN = 'thinking goes back only to the vendor that made it';

function writeCall(call: ToolCallBlock, context: WriteContext): JsonText {
  const id = json(idOf(call.id, context));
  const { custom, arguments: text } = call;
  return object({
    type: json(custom ? 'custom_tool_call' : 'function_call'),
    call_id: id,
    name: json(call.name),
    // Servers parse arguments: nothing at all stands for no arguments.
    arguments: custom ? undefined : json(text.trim() === '' ? '{}' : text),
    input: custom ? json(text) : undefined,
  });
}

function writeResult(block: ToolResultBlock, custom: boolean, context: WriteContext): JsonText {
  const blocks = block.isError ? [ERROR, ...block.blocks] : block.blocks;
  const plain = blocks.every((part): part is TextBlock => part.type === 'Text');
  const output = plain
    ? jsonOfSaid(
        joinSaid(
          blocks.map(({ text }) => text),
          '\n',
        ),
      )
    : array(blocks.map((part) => writePart(part, context)).filter((part) => part !== undefined));
  return object({
    type: json(custom ? 'custom_tool_call_output' : 'function_call_output'),
    call_id: json(idOf(block.callId, context)),
    output,
  });
}

const ERROR: TextBlock = { type: 'Text', text: 'Error:' };

function writePart(block: Block, context: WriteContext): JsonText | undefined {
  switch (block.type) {
    case 'Text':
      return block.text === ''
        ? undefined
        : object({ type: json('input_text'), text: jsonOfSaid(block.text) });
    case 'Refusal':
      return object({ type: json('input_text'), text: json(block.text) });
    case 'Image': {
      const id = block.source.kind === 'FileId' ? json(block.source.id) : undefined;
      const url = id === undefined ? json(imageUrl(block, context)) : undefined;
      return object({
        type: json('input_image'),
        image_url: url,
        file_id: id,
        detail: json(block.detail ?? 'auto'),
      });
    }
    case 'File':
      return writeFile(block, context);
    case 'Audio':
      return object({
        type: json('input_audio'),
        input_audio: object({ data: json(block.data), format: json(block.format) }),
      });
    default:
      context.losses.dropped('messages[].content', `the user's turns hold no ${block.type}`);
      return undefined;
  }
}

function writeFile({ source, name }: FileBlock, context: WriteContext): JsonText {
  if (source.kind === 'Text') {
    const text = name === undefined ? source.text : `${name}\n\n${source.text}`;
    return object({ type: json('input_text'), text: json(text) });
  }
  const fetched = source.kind === 'Url' ? context.media(source.url) : undefined;
  const data = source.kind === 'Base64' ? source : fetched;
  const url = source.kind === 'Url' && !fetched ? json(source.url) : undefined;
  return object({
    type: json('input_file'),
    filename: data ? json(name ?? 'document.pdf') : undefined,
    file_data: data && json(`data:${data.mediaType};base64,${data.data}`),
    file_url: url,
    file_id: source.kind === 'FileId' ? optional(source.id) : undefined,
  });
}

const idOf = (id: string, { quirks }: WriteContext): string => toolId(id, quirks.toolIds ?? 'Plain');
