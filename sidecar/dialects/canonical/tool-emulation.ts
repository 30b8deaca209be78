/**
 * What a vendor has no form for and a tool can stand in for: an answer by a schema, on models without structured outputs, and
 * tools that take text. What goes out as a tool comes back as what was asked for.
 */
import type { Asked } from '../chat-format.ts';
import { type JsonText, json, object } from '../json/write.ts';

/** The tool whose input is the answer. */
export const ANSWER_TOOL = 'outrider_answer';

/** Whether a call of this name is the answer itself: only where a schema was asked for, and no tool of the app has the name. */
export function isAnswerTool(name: string, asked: Asked): boolean {
  return (
    name === ANSWER_TOOL &&
    asked.output?.type === 'JSONSchema' &&
    !asked.tools.some((tool) => tool.name === name)
  );
}

export function isCustomTool(name: string, asked: Asked): boolean {
  return asked.tools.some((tool) => tool.type === 'Custom' && tool.name === name);
}

/** Input of a tool that takes text. */
export const TEXT_SCHEMA: JsonText = object({
  type: '"object"',
  properties: object({ input: '{"type":"string"}' }),
  required: '["input"]',
});

export const writeText = (text: string): JsonText => object({ input: json(text) });

/** The text in such an input; the input as it is where it is none. */
export function readText(input: JsonText): string {
  try {
    const { input: text } = JSON.parse(input) as { input?: unknown };
    return typeof text === 'string' ? text : input;
  } catch {
    return input;
  }
}
