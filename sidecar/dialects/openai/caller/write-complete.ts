/** A whole answer as a `chat.completion` object. */
import type { Block, ToolCallBlock } from '../../canonical/request.ts';
import type { ChatChoice, ChatResponse } from '../../canonical/response.ts';
import type { AnswerContext } from '../../chat-format.ts';
import { textOfSaid } from '../../json/said.ts';
import { readJson } from '../../json/tape.ts';
import { array, type JsonText, json, object } from '../../json/write.ts';
import { annotation, isOpenAICitation } from './annotations.ts';
import { answerId } from './answer-id.ts';
import { ExtraContent, signedCall } from './write-extra-content.ts';
import { finishExtra, finishReason } from './write-finish.ts';
import { writeUsage } from './write-usage.ts';

export function writeComplete(response: ChatResponse, context: AnswerContext): Buffer {
  const { usage, serviceTier } = response;
  const text = object({
    id: json(answerId('chatcmpl-', response.id, context)),
    object: json('chat.completion'),
    created: json(context.now),
    model: json(response.model ?? context.model),
    choices: array(response.choices.map((choice, index) => writeChoice(choice, index, context))),
    usage: usage && writeUsage(usage),
    service_tier: serviceTier === undefined ? undefined : json(serviceTier),
  });
  return Buffer.from(text);
}

function writeChoice(
  { blocks, finish, logprobs }: ChatChoice,
  index: number,
  context: AnswerContext,
): JsonText {
  const legacy = context.request.legacyFunctions === true;
  const refused = blocks.some((block) => block.type === 'Refusal');
  return object({
    index: json(index),
    message: writeMessage(blocks, legacy),
    logprobs: logprobs ?? 'null',
    finish_reason: json(finishReason(finish, refused, legacy)),
    extra_content: finishExtra(finish, refused),
  });
}

function writeMessage(blocks: readonly Block[], legacy: boolean): JsonText {
  const extra = new ExtraContent();
  const calls: ToolCallBlock[] = [];
  const annotations: JsonText[] = [];
  let content: string | undefined;
  let refusal: string | undefined;
  let reasoning = '';
  for (const block of blocks) {
    if (block.type === 'Text') {
      const start = content?.length ?? 0;
      content = (content ?? '') + textOfSaid(block.text);
      for (const citation of citationsOf(block.citations)) {
        const written = annotation(citation, start, content.length, 'Chat');
        if (written !== undefined) annotations.push(written);
        if (!isOpenAICitation(citation)) extra.citation(citation);
      }
    } else if (block.type === 'Refusal') {
      refusal = (refusal ?? '') + block.text;
    } else if (block.type === 'ToolCall') {
      calls.push(block);
    } else {
      if (block.type === 'Thinking') reasoning += block.text;
      extra.addBlock(block);
    }
  }
  const [first] = calls;
  return object({
    role: json('assistant'),
    content: content === undefined ? 'null' : json(content),
    refusal: refusal === undefined ? 'null' : json(refusal),
    reasoning_content: reasoning === '' ? undefined : json(reasoning),
    annotations: annotations.length === 0 ? undefined : array(annotations),
    tool_calls: legacy || !first ? undefined : array(calls.map(writeCall)),
    function_call: legacy && first ? writeFunction(first) : undefined,
    extra_content: extra.render(),
  });
}

function citationsOf(citations: JsonText | undefined): JsonText[] {
  if (citations === undefined) return [];
  const node = readJson(Buffer.from(citations));
  return node.isArray ? Array.from(node.elements(), (element) => element.raw) : [citations];
}

function writeCall(call: ToolCallBlock): JsonText {
  return object({
    id: json(call.id),
    type: json(call.custom ? 'custom' : 'function'),
    function: call.custom ? undefined : writeFunction(call),
    custom: call.custom ? object({ name: json(call.name), input: json(call.arguments) }) : undefined,
    extra_content: signedCall(call.signature),
  });
}

/** Clients parse arguments: nothing at all stands for no arguments. */
function writeFunction({ name, arguments: text }: ToolCallBlock): JsonText {
  return object({ name: json(name), arguments: json(text === '' ? '{}' : text) });
}
