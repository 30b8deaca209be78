/** A conversation as the body of `generateContent` and `streamGenerateContent`. */
import { unpaired } from '../canonical/conversation.ts';
import type { Losses } from '../canonical/losses.ts';
import { nameLost } from '../canonical/lost-parameters.ts';
import type { ChatRequest } from '../canonical/request.ts';
import type { WriteContext } from '../chat-format.ts';
import { tryReadJson } from '../json/tape.ts';
import { encode, type JsonText, json, object } from '../json/write.ts';
import { generationConfig, toolConfig, tools } from './config.ts';
import { writeContents } from './contents.ts';
import { mediaObstacle } from './media.ts';
import { modelOf } from './model.ts';

export const HONOURS: ReadonlySet<keyof ChatRequest> = new Set<keyof ChatRequest>([
  'turns',
  'tools',
  'toolChoice',
  'output',
  'maxOutputTokens',
  'temperature',
  'topP',
  'topK',
  'presencePenalty',
  'frequencyPenalty',
  'seed',
  'stop',
  'logprobs',
  'choices',
  'reasoning',
  'serviceTier',
  'metadata',
  'stream',
  'includeUsage',
]);

const LABEL = /^[a-z0-9_-]{0,63}$/;
const LABEL_NAME = /^[a-z][a-z0-9_-]{0,62}$/;
const MAX_LABELS = 64;
const TIERS: Readonly<Record<string, string>> = {
  default: 'standard',
  standard: 'standard',
  standard_only: 'standard',
  flex: 'flex',
  priority: 'priority',
};

export function obstacle(request: ChatRequest, context: WriteContext): string | undefined {
  const model = modelOf(context.model);
  for (const { type, name, native } of request.tools) {
    if (type === 'Server' && native?.vendor !== 'google')
      return `the tool "${name}" runs at ${native?.vendor ?? 'its vendor'} only`;
  }
  const shaped = request.output !== undefined && request.output.type !== 'Text';
  if (shaped && request.tools.length > 0 && !model.mixes)
    return 'the model takes no JSON output beside tools';
  for (const { blocks } of request.turns) {
    for (const block of blocks) {
      const parts = block.type === 'ToolResult' ? block.blocks : [block];
      for (const part of parts) {
        const found =
          part.type === 'Image' || part.type === 'File' ? mediaObstacle(part, context) : undefined;
        if (found !== undefined) return found;
      }
    }
  }
  if (request.turns.length === 0) return 'it has no messages';
  return unpaired(request.turns);
}

export function writeRequest(request: ChatRequest, context: WriteContext): Buffer {
  const { losses } = context;
  const model = modelOf(context.model);
  nameLost(request, HONOURS, 'gemini', losses);
  const { contents, systemInstruction } = writeContents(request.turns, model, context);
  return encode(
    object({
      systemInstruction,
      contents,
      tools: tools(request.tools, model, losses),
      toolConfig: toolConfig(request),
      generationConfig: generationConfig(request, model, losses),
      serviceTier: tier(request.serviceTier, losses),
      labels: labels(request.metadata, losses),
    }),
    request.source,
  );
}

function tier(name: string | undefined, losses: Losses): JsonText | undefined {
  if (name === undefined || name === 'auto') return undefined;
  const known = TIERS[name];
  if (known === undefined) losses.dropped('service_tier', 'gemini has no such tier');
  return known === undefined ? undefined : json(known);
}

/** Labels are lower-case words; other metadata would be refused. */
function labels(metadata: JsonText | undefined, losses: Losses): JsonText | undefined {
  if (metadata === undefined) return undefined;
  const members = [...(tryReadJson(Buffer.from(metadata))?.members() ?? [])];
  if (members.length === 0) return undefined;
  const fits =
    members.length <= MAX_LABELS &&
    members.every(([name, value]) => LABEL_NAME.test(name) && LABEL.test(value.text ?? ' '));
  if (fits) return metadata;
  losses.dropped('metadata', 'gemini takes labels of lower-case letters, digits, - and _ only');
  return undefined;
}
