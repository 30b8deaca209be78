/** `system` and `messages` of a request. */
import { argumentsObject } from '../../canonical/call-arguments.ts';
import {
  type AlternatingTurn,
  alternate,
  onlyText,
  unpaired,
  withoutTrailingSpace,
} from '../../canonical/conversation.ts';
import type { Losses } from '../../canonical/losses.ts';
import type {
  Block,
  ChatRequest,
  TextBlock,
  ToolCallBlock,
  ToolResultBlock,
  Turn,
} from '../../canonical/request.ts';
import { writeText } from '../../canonical/tool-emulation.ts';
import { toolId } from '../../canonical/tool-ids.ts';
import type { WriteContext } from '../../chat-format.ts';
import { isBlank, jsonOfSaid } from '../../json/said.ts';
import { array, type JsonText, json, object } from '../../json/write.ts';
import { writeCache } from '../cache-control.ts';
import type { ModelTraits } from './model-traits.ts';
import { mediaObstacle, writeMedia } from './write-media.ts';

const GO_ON: TextBlock = { type: 'Text', text: 'Continue.' };

export function turnsObstacle({ turns }: ChatRequest, context: WriteContext): string | undefined {
  for (const { blocks } of turns) {
    const obstacle = blocksObstacle(blocks, context);
    if (obstacle !== undefined) return obstacle;
  }
  const call =
    turns.at(-1)?.role === 'assistant'
      ? turns.at(-1)?.blocks.find(({ type }) => type === 'ToolCall')
      : undefined;
  return call ? 'the conversation ends with tool calls without results' : unpaired(turns);
}

function blocksObstacle(blocks: readonly Block[], context: WriteContext): string | undefined {
  for (const block of blocks) {
    if (block.type === 'Text') continue;
    if (block.type === 'Audio') return 'anthropic takes no audio';
    let obstacle: string | undefined;
    if (block.type === 'Image' || block.type === 'File') obstacle = mediaObstacle(block, context);
    else if (block.type === 'ToolResult') obstacle = blocksObstacle(block.blocks, context);
    if (obstacle !== undefined) return obstacle;
  }
  return undefined;
}

/** A conversation as this API can have it, before it is known whether the model thinks. */
export interface Arranged {
  system: Block[];
  turns: AlternatingTurn[];
  /** Instructions among the user's words, for models that take them between turns. */
  later: ReadonlySet<Block>;
}

export function arrange({ turns }: ChatRequest, { laterSystem }: ModelTraits, losses: Losses): Arranged {
  const later = new Set<Block>();
  const kept = turns.map((turn) => keep(turn, losses));
  if (laterSystem) markLater(kept, later);
  const arranged = alternate(kept, losses);
  makeUnique(arranged.turns);
  return { ...arranged, later };
}

/** `prefill`: an assistant turn may stand at the end, as the beginning of the answer. */
export function writeTurns({ turns, later }: Arranged, prefill: boolean, context: WriteContext): JsonText {
  const { losses } = context;
  endWithUser(turns, prefill, losses);
  const messages: JsonText[] = [];
  for (const { role, blocks } of turns) {
    if (later.size === 0) {
      messages.push(message(role, blocks, context));
      continue;
    }
    const instructions = role === 'user' ? trailing(blocks, later) : [];
    const own = blocks.slice(0, blocks.length - instructions.length);
    if (own.some((block) => later.has(block))) {
      losses.changed('messages[].role', 'instructions that an answer does not follow are sent as user text');
    }
    messages.push(message(role, own, context));
    if (instructions.length > 0) messages.push(message('system', instructions, context));
  }
  return array(messages);
}

/** Around the one text of a message. */
const BEFORE_TEXT = {
  system: '{"role":"system","content":[{"type":"text","text":',
  user: '{"role":"user","content":[{"type":"text","text":',
  assistant: '{"role":"assistant","content":[{"type":"text","text":',
};
const AFTER_TEXT = '}]}';

function message(role: Turn['role'], blocks: readonly Block[], context: WriteContext): JsonText {
  const text = onlyText(blocks);
  if (text !== undefined) return BEFORE_TEXT[role] + jsonOfSaid(text) + AFTER_TEXT;
  return object({ role: json(role), content: array(blocks.map((block) => writeBlock(block, context))) });
}

/** Some vendors count calls afresh in every turn; here an id stands for one call of the conversation. */
function makeUnique(turns: AlternatingTurn[]): void {
  const seen = new Set<string>();
  const renamed = new Map<string, string>();
  for (const turn of turns) {
    if (turn.role === 'assistant' && renamed.size > 0) renamed.clear();
    if (!turn.blocks.some(({ type }) => type === 'ToolCall' || type === 'ToolResult')) continue;
    turn.blocks = turn.blocks.map((block) => {
      if (block.type === 'ToolResult') {
        const callId = renamed.get(block.callId);
        return callId === undefined ? block : { ...block, callId };
      }
      if (block.type !== 'ToolCall') return block;
      let id = block.id;
      for (let n = 2; seen.has(id); n++) id = `${block.id}_${n}`;
      seen.add(id);
      if (id === block.id) return block;
      renamed.set(block.id, id);
      return { ...block, id };
    });
  }
}

/** Blocks that this API can be told, each in the form it has there. */
function keep(turn: Turn, losses: Losses): Turn {
  if (turn.name !== undefined) losses.dropped('messages[].name', 'anthropic knows no names of participants');
  if (turn.blocks.every((block) => block.type === 'Text' && !isBlank(block.text))) return turn;
  const blocks: Block[] = [];
  for (const block of turn.blocks) {
    switch (block.type) {
      case 'Text':
        // White space alone is refused, and says nothing.
        if (!isBlank(block.text)) blocks.push(block);
        break;
      case 'Refusal':
        if (block.text.trim() !== '') blocks.push({ type: 'Text', text: block.text });
        break;
      case 'Thinking':
        if (block.signature?.vendor === 'anthropic') blocks.push(block);
        else
          losses.dropped(
            'messages[].reasoning_content',
            'thinking goes back to the vendor that signed it only',
          );
        break;
      case 'RedactedThinking':
      case 'Native':
        if (block.vendor === 'anthropic') blocks.push(block);
        else
          losses.dropped(
            'messages[].content',
            `a block of ${block.vendor} goes back to ${block.vendor} only`,
          );
        break;
      default:
        blocks.push(block);
    }
  }
  return { role: turn.role, blocks };
}

/** Instructions behind the first turn go with the user's turn until it is known where they can stand. */
function markLater(turns: Turn[], later: Set<Block>): void {
  const first = turns.findIndex(({ role, blocks }) => role !== 'system' && blocks.length > 0);
  turns.forEach((turn, index) => {
    if (first < 0 || index < first || turn.role !== 'system') return;
    for (const block of turn.blocks) later.add(block);
    turns[index] = { role: 'user', blocks: turn.blocks };
  });
}

/** Instructions must stand behind what the user said, and before an answer or at the end. */
function trailing(blocks: readonly Block[], later: ReadonlySet<Block>): Block[] {
  let at = blocks.length;
  while (at > 0 && later.has(blocks[at - 1] as Block)) at--;
  return at === 0 ? [] : blocks.slice(at);
}

/** An assistant turn at the end is the beginning of the answer, for models that take one. */
function endWithUser(turns: AlternatingTurn[], prefill: boolean, losses: Losses): void {
  const last = turns.at(-1);
  if (last?.role !== 'assistant') return;
  if (!prefill) {
    losses.changed(
      'messages',
      'the model begins its answers itself; a turn of the user was put behind the last one',
    );
    turns.push({ role: 'user', blocks: [GO_ON] });
    return;
  }
  const text = last.blocks.at(-1);
  // White space at the end is refused there.
  if (text?.type === 'Text') last.blocks = [...last.blocks.slice(0, -1), withoutTrailingSpace(text)];
}

export function writeBlock(block: Block, context: WriteContext): JsonText {
  switch (block.type) {
    case 'Text':
      return object({
        type: '"text"',
        text: jsonOfSaid(block.text),
        citations: undefined,
        cache_control: writeCache(block.cache),
      });
    case 'Image':
    case 'File':
      return writeMedia(block, context);
    case 'ToolCall':
      return writeCall(block, context);
    case 'ToolResult':
      return writeResult(block, context);
    case 'Thinking':
      return object({
        type: '"thinking"',
        thinking: json(block.text),
        signature: json(block.signature?.value ?? ''),
      });
    case 'RedactedThinking':
      return object({ type: '"redacted_thinking"', data: json(block.data) });
    case 'Native':
      return block.json;
    case 'Refusal':
      return object({ type: '"text"', text: json(block.text) });
    case 'Audio':
      throw new Error('unchecked: audio');
  }
}

function writeCall(block: ToolCallBlock, { losses }: WriteContext): JsonText {
  return object({
    type: '"tool_use"',
    id: json(toolId(block.id, 'Plain')),
    name: json(block.name),
    input: block.custom ? writeText(block.arguments) : argumentsObject(block.arguments, losses),
    cache_control: writeCache(block.cache),
  });
}

function writeResult(block: ToolResultBlock, context: WriteContext): JsonText {
  const blocks = block.blocks.filter((part) => part.type !== 'Text' || !isBlank(part.text));
  return object({
    type: '"tool_result"',
    tool_use_id: json(toolId(block.callId, 'Plain')),
    content: blocks.length > 0 ? array(blocks.map((part) => writeBlock(part, context))) : undefined,
    is_error: block.isError ? 'true' : undefined,
    cache_control: writeCache(block.cache),
  });
}
