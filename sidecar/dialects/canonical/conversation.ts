/**
 * A conversation for vendors in which turns alternate between user and assistant, begin with the user, and give the results
 * of all calls of a turn in the turn right behind it.
 */
import { joinSaid, type Said, textOfSaid } from '../json/said.ts';
import type { Losses } from './losses.ts';
import type { Block, TextBlock, ToolCallBlock, ToolResultBlock, Turn } from './request.ts';

export interface Alternating {
  /** Instructions that stand before everything else. */
  system: Block[];
  turns: AlternatingTurn[];
}

export interface AlternatingTurn {
  role: 'user' | 'assistant';
  /** In a user turn results come first, in the order of the calls they answer. It may be the list of the turn that was read. */
  blocks: Block[];
}

/** Stands where a vendor wants the user to speak first, and nobody did. */
const OPENING = '(The assistant speaks first.)';

/**
 * Merges turns of one role. Instructions behind the first other turn stay where they are, as text of the user: moving them to
 * the front would change what they refer to, and the prefix that a vendor's cache knows.
 */
export function alternate(turns: readonly Turn[], losses: Losses): Alternating {
  const system: Block[] = [];
  const merged: AlternatingTurn[] = [];
  // A conversation is long, and few of its turns need a list of their own.
  let owned = false;
  for (const { role, blocks } of turns) {
    if (role === 'system' && merged.length === 0) {
      system.push(...blocks);
      continue;
    }
    if (role === 'system')
      losses.changed('messages[].role', 'instructions after the first turn are sent as user text');
    const as = role === 'system' ? 'user' : role;
    const kept = blocks.some(isEmptyText) ? blocks.filter((block) => !isEmptyText(block)) : blocks;
    if (kept.length === 0) continue;
    const last = merged.at(-1);
    if (last?.role !== as) {
      merged.push({ role: as, blocks: kept });
      owned = false;
      continue;
    }
    if (!owned) last.blocks = last.blocks.slice();
    owned = true;
    for (const block of kept) last.blocks.push(block);
  }
  if (merged.length === 0 && system.length > 0) {
    losses.changed('messages[].role', 'instructions without a turn of the user are sent as user text');
    return { system: [], turns: [{ role: 'user', blocks: system.filter((block) => !isEmptyText(block)) }] };
  }
  if (merged[0]?.role === 'assistant') {
    losses.changed(
      'messages',
      'the vendor wants the user to speak first; a turn was put before the first one',
    );
    merged.unshift({ role: 'user', blocks: [{ type: 'Text', text: OPENING }] });
  }
  for (let i = 0; i < merged.length; i++) orderResults(merged, i);
  return { system, turns: merged };
}

/** Why the calls and results of a conversation do not belong together; undefined: they do. */
export function unpaired(turns: readonly Turn[]): string | undefined {
  let open = new Map<string, string>();
  let answering = false;
  for (const { role, blocks } of turns) {
    for (const block of blocks) {
      if (block.type === 'ToolResult') {
        if (!open.delete(block.callId)) {
          return `the result of tool call "${shown(block.callId)}" stands behind no such call`;
        }
      } else if (block.type === 'ToolCall') {
        if (answering) {
          const [id] = open.keys();
          if (id !== undefined) return unanswered(id);
          open = new Map();
          answering = false;
        }
        open.set(block.id, block.name);
      }
    }
    if (role === 'assistant') continue;
    const results = blocks.some((block) => block.type === 'ToolResult');
    if (results) answering = true;
    else if (open.size > 0 && role === 'user') return unanswered(open.keys().next().value as string);
  }
  return answering && open.size > 0 ? unanswered(open.keys().next().value as string) : undefined;
}

const unanswered = (id: string): string => `tool call "${shown(id)}" has no result in the turn behind it`;
const shown = (id: string): string => (id.length > 64 ? `${id.slice(0, 64)}...` : id);

export const isEmptyText = (block: Block): boolean =>
  block.type === 'Text' && block.text === '' && block.cache === undefined;

/** The text of a turn that is nothing else, as most are; undefined where there is more to it, or nothing. */
export function onlyText(blocks: readonly Block[]): Said | undefined {
  const [only] = blocks;
  if (blocks.length !== 1 || only?.type !== 'Text' || only.cache !== undefined) return undefined;
  return only.text === '' ? undefined : only.text;
}

function orderResults(turns: AlternatingTurn[], at: number): void {
  const turn = turns[at] as AlternatingTurn;
  if (turn.role !== 'user' || !turn.blocks.some((block) => block.type === 'ToolResult')) return;
  const calls = (turns[at - 1]?.blocks ?? []).filter(
    (block): block is ToolCallBlock => block.type === 'ToolCall',
  );
  const place = new Map(calls.map(({ id }, index) => [id, index]));
  const results = turn.blocks.filter((block): block is ToolResultBlock => block.type === 'ToolResult');
  results.sort((a, b) => (place.get(a.callId) ?? calls.length) - (place.get(b.callId) ?? calls.length));
  turn.blocks = [...results, ...turn.blocks.filter((block) => block.type !== 'ToolResult')];
}

/** The text of a result, its parts on lines of their own. */
export function resultText(block: ToolResultBlock): Said {
  return joinSaid(
    block.blocks.filter((part): part is TextBlock => part.type === 'Text').map(({ text }) => text),
    '\n',
  );
}

/** Where an answer begins, some vendors refuse white space at the end. */
export function withoutTrailingSpace(block: TextBlock): TextBlock {
  return { ...block, text: textOfSaid(block.text).trimEnd() };
}
