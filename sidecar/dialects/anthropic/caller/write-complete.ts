/** A whole answer as a message. */
import { isJsonObject } from '../../canonical/call-arguments.ts';
import { portableId } from '../../canonical/portable-ids.ts';
import type { Block } from '../../canonical/request.ts';
import type { ChatResponse } from '../../canonical/response.ts';
import { seal, sealCall } from '../../canonical/sealed.ts';
import type { AnswerContext } from '../../chat-format.ts';
import { textOfSaid } from '../../json/said.ts';
import { tryReadJson } from '../../json/tape.ts';
import { array, type JsonText, json, object } from '../../json/write.ts';
import { headMembers } from './answer-head.ts';
import { Annotations, isOwnCitation } from './citations.ts';
import { finishMembers } from './write-finish.ts';
import { writeUsage } from './write-usage.ts';

/** Only the first choice has a place: callers of this API cannot ask for more. */
export function writeComplete(response: ChatResponse, context: AnswerContext): Buffer {
  const [choice] = response.choices;
  const blocks = choice?.blocks ?? [];
  const called = blocks.some(({ type }) => type === 'ToolCall');
  const finish = choice?.finish ?? { reason: 'Stop', raw: '' };
  return Buffer.from(
    object({
      ...headMembers(response.id, response.model, context),
      content: array(blocks.flatMap(writeBlock)),
      ...finishMembers(finish, called),
      usage: writeUsage(response.usage, response.serviceTier),
    }),
  );
}

function writeBlock(block: Block): JsonText[] {
  switch (block.type) {
    case 'Text':
      return block.text === '' ? [] : [textBlock(textOfSaid(block.text), block.citations)];
    case 'Refusal':
      return block.text === '' ? [] : [textBlock(block.text, undefined)];
    case 'Thinking':
      return [thinkingBlock(block.text, block.signature ? seal(block.signature, 'anthropic') : '')];
    case 'RedactedThinking': {
      const data = seal({ vendor: block.vendor, value: block.data }, 'anthropic');
      return [object({ type: '"redacted_thinking"', data: json(data) })];
    }
    case 'ToolCall': {
      const input = inputOf(block.arguments, block.custom ?? false);
      const call = object({
        type: '"tool_use"',
        id: json(portableId(block.id)),
        name: json(block.name),
        input,
      });
      return block.signature ? [thinkingBlock('', sealCall(block.signature)), call] : [call];
    }
    case 'Native':
      return block.vendor === 'anthropic' ? [block.json] : [];
    default:
      // Images, files and results are never in an answer.
      return [];
  }
}

function textBlock(text: string, citations: JsonText | undefined): JsonText {
  const own: JsonText[] = [];
  const annotations = new Annotations();
  for (const { raw } of (citations === undefined
    ? undefined
    : tryReadJson(Buffer.from(citations))
  )?.elements() ?? []) {
    if (isOwnCitation(raw)) own.push(raw);
    else annotations.add(raw);
  }
  return object({
    type: '"text"',
    text: json(text),
    citations: own.length > 0 ? array(own) : undefined,
    annotations: annotations.take(),
  });
}

function thinkingBlock(text: string, signature: string): JsonText {
  return object({ type: '"thinking"', thinking: json(text), signature: json(signature) });
}

/** Clients want an object; models write broken JSON at times, and nothing where there is nothing to say. */
function inputOf(text: string, custom: boolean): JsonText {
  if (custom) return object({ input: json(text) });
  const trimmed = text.trim();
  if (trimmed === '') return '{}';
  return isJsonObject(trimmed) ? trimmed : object({ arguments: json(text) });
}
