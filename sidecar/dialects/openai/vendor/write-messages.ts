/** Turns as chat messages. */
import { alternate, onlyText } from '../../canonical/conversation.ts';
import type { Block, ChatRequest, ToolCallBlock, ToolResultBlock, Turn } from '../../canonical/request.ts';
import { toolId } from '../../canonical/tool-ids.ts';
import type { WriteContext } from '../../chat-format.ts';
import { joinSaid, jsonOfSaid, type Said } from '../../json/said.ts';
import { array, type JsonText, json, object } from '../../json/write.ts';
import { writeParts, writeText } from './write-parts.ts';
import { dropCache } from './write-tools.ts';

export function writeMessages({ turns }: ChatRequest, context: WriteContext): JsonText {
  const messages: JsonText[] = [];
  for (const turn of context.quirks.alternate ? alternating(turns, context) : turns) {
    const text = turn.name === undefined ? onlyText(turn.blocks) : undefined;
    if (text !== undefined) {
      messages.push(writePlain(turn.role, text, context));
      continue;
    }
    if (turn.blocks.some((block) => 'cache' in block && block.cache)) {
      dropCache('messages[].content[].cache_control', context.losses);
    }
    if (turn.role === 'system') writeSystem(turn, context, messages);
    else if (turn.role === 'user') writeUser(turn, context, messages);
    else writeAssistant(turn, context, messages);
  }
  if (endsInText(turns.at(-1))) {
    context.losses.changed(
      'messages',
      'a last message of the assistant is history, not the beginning of the answer',
    );
  }
  return array(messages);
}

function endsInText(turn: Turn | undefined): boolean {
  return turn?.role === 'assistant' && turn.blocks.at(-1)?.type === 'Text';
}

function alternating(turns: readonly Turn[], { losses }: WriteContext): Turn[] {
  const { system, turns: rest } = alternate(turns, losses);
  return system.length === 0 ? rest : [{ role: 'system', blocks: system }, ...rest];
}

function writePlain(role: Turn['role'], text: Said, { quirks }: WriteContext): JsonText {
  const as = role === 'system' ? (quirks.systemRole ?? 'system') : role;
  return `{"role":"${as}","content":${jsonOfSaid(text)}}`;
}

function writeSystem(turn: Turn, context: WriteContext, messages: JsonText[]): void {
  const content = writeText(turn.blocks);
  if (content === undefined) return;
  const role = json(context.quirks.systemRole ?? 'system');
  messages.push(object({ role, content, name: nameOf(turn) }));
}

/** Results come first: they answer the calls right before them. */
function writeUser(turn: Turn, context: WriteContext, messages: JsonText[]): void {
  const rest: Block[] = [];
  for (const block of turn.blocks) {
    if (block.type === 'ToolResult') rest.push(...writeResult(block, context, messages));
  }
  for (const block of turn.blocks) if (block.type !== 'ToolResult') rest.push(block);
  const content = writeParts(rest, context);
  if (content !== undefined) messages.push(object({ role: json('user'), content, name: nameOf(turn) }));
}

/** Tool messages hold text alone: returns what the user's next message must show instead. */
function writeResult(block: ToolResultBlock, context: WriteContext, messages: JsonText[]): Block[] {
  const media = block.blocks.filter(({ type }) => type !== 'Text');
  const text = block.blocks.filter(({ type }) => type === 'Text');
  if (block.isError) text.unshift({ type: 'Text', text: 'Error:' });
  if (text.length === 0) text.push({ type: 'Text', text: media.length > 0 ? MEDIA_FOLLOWS : '' });
  messages.push(
    object({
      role: json('tool'),
      tool_call_id: json(idOf(block.callId, context)),
      content: jsonOfSaid(
        joinSaid(
          text.map((part) => (part.type === 'Text' ? part.text : '')),
          '\n',
        ),
      ),
    }),
  );
  if (media.length === 0) return [];
  context.losses.changed(
    'messages[].content[].tool_result',
    'images and files of tool results follow as a message of the user',
  );
  return [{ type: 'Text', text: `Result of tool call ${idOf(block.callId, context)}:` }, ...media];
}

const MEDIA_FOLLOWS = 'The result is in the next message.';

function writeAssistant(turn: Turn, context: WriteContext, messages: JsonText[]): void {
  const { reasoning } = context.quirks;
  const said: Said[] = [];
  let refusal: string | undefined;
  let thinking = '';
  const calls: ToolCallBlock[] = [];
  for (const block of turn.blocks) {
    switch (block.type) {
      case 'Text':
        said.push(block.text);
        break;
      case 'Refusal':
        refusal = (refusal ?? '') + block.text;
        break;
      case 'ToolCall':
        calls.push(block);
        if (block.signature) dropSignature(context);
        break;
      case 'Thinking':
        thinking += block.text;
        if (block.signature) dropSignature(context);
        break;
      case 'RedactedThinking':
        dropSignature(context);
        break;
      default:
        context.losses.dropped('messages[].content', 'assistant messages hold text and tool calls only');
    }
  }
  if (thinking !== '' && reasoning === undefined) {
    context.losses.dropped('messages[].reasoning_content', 'the vendor does not take thinking back');
  }
  const sent = reasoning === undefined || thinking === '' ? undefined : json(thinking);
  const text = said.length === 0 ? undefined : joinSaid(said, '');
  if (text === undefined && refusal === undefined && calls.length === 0 && sent === undefined) return;
  // Empty text beside calls is refused by many servers.
  const content = text === undefined || (text === '' && calls.length > 0) ? undefined : jsonOfSaid(text);
  messages.push(
    object({
      role: json('assistant'),
      content: content ?? (calls.length > 0 || refusal !== undefined ? 'null' : json('')),
      refusal: refusal === undefined ? undefined : json(refusal),
      [reasoning ?? 'reasoning_content']: sent,
      tool_calls: calls.length === 0 ? undefined : array(calls.map((call) => writeCall(call, context))),
      name: nameOf(turn),
    }),
  );
}

function dropSignature({ losses }: WriteContext): void {
  losses.dropped('messages[].thinking', 'signed thinking goes back only to the vendor that made it');
}

function writeCall(call: ToolCallBlock, context: WriteContext): JsonText {
  const id = json(idOf(call.id, context));
  if (call.custom) {
    const custom = object({ name: json(call.name), input: json(call.arguments) });
    return object({ id, type: json('custom'), custom });
  }
  // Servers parse arguments: nothing at all stands for no arguments.
  const args = call.arguments.trim() === '' ? '{}' : call.arguments;
  const body = object({ name: json(call.name), arguments: json(args) });
  return object({ id, type: json('function'), function: body });
}

const idOf = (id: string, { quirks }: WriteContext): string => toolId(id, quirks.toolIds ?? 'Forty');

const nameOf = ({ name }: Turn): JsonText | undefined => (name === undefined ? undefined : json(name));
