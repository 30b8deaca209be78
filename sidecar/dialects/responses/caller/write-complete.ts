/** A whole answer as a response object. */
import type { Block } from '../../canonical/request.ts';
import type { ChatChoice, ChatResponse } from '../../canonical/response.ts';
import type { AnswerContext } from '../../chat-format.ts';
import { textOfSaid } from '../../json/said.ts';
import { readJson } from '../../json/tape.ts';
import type { JsonText } from '../../json/write.ts';
import { annotation } from '../../openai/caller/annotations.ts';
import { answerId } from '../../openai/caller/answer-id.ts';
import {
  callItem,
  type ItemStatus,
  messageItem,
  reasoningItem,
  refusalPart,
  sealed,
  sealedCall,
  sealedRedacted,
  textPart,
} from './items.ts';
import { incompleteReason, responseObject } from './response-object.ts';
import { itemSeed, tokensOf } from './stream-writer.ts';

const NO_CHOICE: ChatChoice = { blocks: [], finish: { reason: 'Stop', raw: '' } };

export function writeComplete(response: ChatResponse, context: AnswerContext): Buffer {
  const id = answerId('resp_', response.id, context);
  const choice = response.choices[0] ?? NO_CHOICE;
  const refused = choice.blocks.some(({ type }) => type === 'Refusal');
  const status = incompleteReason(choice.finish, refused) === undefined ? 'completed' : 'incomplete';
  const text = responseObject(
    {
      id,
      model: response.model ?? context.model,
      status,
      output: writeOutput(choice, itemSeed(id), status),
      usage: response.usage,
      serviceTier: response.serviceTier,
      finish: choice.finish,
      refused,
    },
    context,
  );
  return Buffer.from(text);
}

function writeOutput({ blocks, logprobs }: ChatChoice, seed: string, status: ItemStatus): JsonText[] {
  const output: JsonText[] = [];
  let parts: JsonText[] = [];
  let tokens = logprobs === undefined ? [] : tokensOf(logprobs);
  const idOf = (prefix: string) => `${prefix}_${seed}_${output.length}`;
  const endMessage = (as: ItemStatus) => {
    if (parts.length > 0) output.push(messageItem(idOf('msg'), as, parts));
    parts = [];
  };
  for (const [index, block] of blocks.entries()) {
    if (block.type === 'Text') {
      parts.push(textPart(textOfSaid(block.text), annotationsOf(block), tokens));
      tokens = [];
    } else if (block.type === 'Refusal') {
      parts.push(refusalPart(block.text));
    } else {
      endMessage('completed');
      const last = index === blocks.length - 1;
      writeItem(block, last ? status : 'completed', idOf, output);
    }
  }
  endMessage(status);
  return output;
}

function writeItem(
  block: Block,
  status: ItemStatus,
  idOf: (prefix: string) => string,
  output: JsonText[],
): void {
  switch (block.type) {
    case 'Thinking':
      output.push(reasoningItem(idOf('rs'), block.text, block.signature && sealed(block.signature)));
      return;
    case 'RedactedThinking':
      output.push(reasoningItem(idOf('rs'), '', sealedRedacted(block.data, block.vendor)));
      return;
    case 'ToolCall': {
      if (block.signature) output.push(reasoningItem(idOf('rs'), '', sealedCall(block.signature)));
      const custom = block.custom === true;
      const call = { id: idOf(custom ? 'ctc' : 'fc'), callId: block.id, name: block.name, custom };
      // Clients parse arguments: nothing at all stands for no arguments.
      output.push(callItem(call, status, block.arguments === '' && !custom ? '{}' : block.arguments));
      return;
    }
    default:
      // Traces of tools a vendor runs itself: such requests do not cross dialects.
      return;
  }
}

function annotationsOf(block: Extract<Block, { type: 'Text' }>): JsonText[] {
  if (block.citations === undefined) return [];
  const node = readJson(Buffer.from(block.citations));
  const citations = node.isArray ? Array.from(node.elements(), ({ raw }) => raw) : [block.citations];
  return citations
    .map((citation) => annotation(citation, 0, textOfSaid(block.text).length, 'Responses'))
    .filter((written) => written !== undefined);
}
