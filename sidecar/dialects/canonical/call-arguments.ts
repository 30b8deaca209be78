/** Arguments of tool calls for vendors that take them as an object. */
import { type JsonText, json, object } from '../json/write.ts';
import type { Losses } from './losses.ts';

/** The object as the model wrote it. Models do write broken JSON, and nothing at all: neither is a reason to fail. */
export function argumentsObject(text: string, losses: Losses): JsonText {
  const trimmed = text.trim();
  if (trimmed === '') return '{}';
  if (isJsonObject(trimmed)) return trimmed;
  losses.changed(
    'messages[].tool_calls[].function.arguments',
    'arguments that are no JSON object are sent as text in one',
  );
  return object({ arguments: json(text) });
}

/** `text` has no white space around it. */
export function isJsonObject(text: string): boolean {
  if (text.charCodeAt(0) !== 0x7b) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
