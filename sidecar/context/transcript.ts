/** Turns as somebody reads them who is to summarise them: who said what, without images, files and thoughts. */
import { member } from '../snapshot/embeddings-answer.ts';
import type { Turn } from './rounds.ts';
import type { Unit } from './units.ts';

/** Of what one call of a tool was told or answered. */
const MOST_CHARACTERS = 4000;

export function transcript(turn: Turn): string {
  return turn.rounds.flatMap(({ units }) => units.map(unitText)).join('');
}

function unitText({ kind, message }: Unit): string {
  const lines: string[] = [];
  const say = (who: string, text: string) => text.trim() !== '' && lines.push(`${who}: ${text.trim()}\n\n`);
  const speaker = kind === 'User' ? 'User' : kind === 'Model' ? 'Assistant' : 'Tool result';
  const said = typeof message['content'] === 'string' ? [message['content']] : list(message['content']);
  for (const part of said) {
    if (typeof part === 'string') say(speaker, part);
    else partText(part, speaker, say);
  }
  for (const call of list(message['tool_calls'])) callText(member(call, 'function') ?? call, say);
  const { type } = message;
  // Items of /v1/responses that stand for themselves.
  if (type === 'function_call' || type === 'custom_tool_call') callText(message, say);
  else if (message['output'] !== undefined) say('Tool result', short(message['output']));
  return lines.join('');
}

function partText(part: unknown, speaker: string, say: (who: string, text: string) => void): void {
  const type = member(part, 'type');
  const text = member(part, 'text');
  if (typeof text === 'string') say(speaker, text);
  else if (type === 'tool_use') callText(part, say);
  else if (type === 'tool_result') say('Tool result', short(member(part, 'content')));
  else if (typeof type === 'string' && !/thinking|reasoning/.test(type)) say(speaker, `[${type}]`);
}

function callText(call: unknown, say: (who: string, text: string) => void): void {
  const given = member(call, 'arguments') ?? member(call, 'input') ?? '';
  const name = member(call, 'name');
  say('Assistant calls', `${typeof name === 'string' ? name : 'a tool'} ${short(given)}`);
}

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : texts(value);
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text;
}

/** Of a list of parts its texts; of anything else its JSON. */
function texts(value: unknown): string {
  const parts = list(value).map((part) => (typeof part === 'string' ? part : member(part, 'text')));
  const said = parts.filter((part) => typeof part === 'string');
  return said.length > 0 ? said.join('\n') : Array.isArray(value) ? '' : (JSON.stringify(value) ?? '');
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
