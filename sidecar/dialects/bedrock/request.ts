/** A conversation as the body of `Converse` and `ConverseStream`; the model is named in the path. */
import { alternate, unpaired } from '../canonical/conversation.ts';
import { nameLost } from '../canonical/lost-parameters.ts';
import type { ChatRequest } from '../canonical/request.ts';
import type { WriteContext } from '../chat-format.ts';
import { encode, object } from '../json/write.ts';
import { requestMetadata, serviceTier, writeConfig } from './config.ts';
import { mediaObstacle } from './media.ts';
import { writeMessages } from './messages.ts';
import { modelOf } from './model.ts';
import { isForced, schemaForm, toolConfig } from './tools.ts';

export const HONOURS: ReadonlySet<keyof ChatRequest> = new Set<keyof ChatRequest>([
  'turns',
  'tools',
  'toolChoice',
  'output',
  'maxOutputTokens',
  'temperature',
  'topP',
  'topK',
  'stop',
  'reasoning',
  'serviceTier',
  'metadata',
  'stream',
  'includeUsage',
]);

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

export function obstacle(request: ChatRequest, context: WriteContext): string | undefined {
  for (const { type, name, native } of request.tools) {
    if (type === 'Server') {
      if (native?.vendor !== 'bedrock')
        return `the tool "${name}" runs at ${native?.vendor ?? 'its vendor'} only`;
    } else if (!TOOL_NAME.test(name)) {
      return `bedrock takes no tool of the name "${name.slice(0, 80)}"`;
    }
  }
  for (const { role, blocks } of request.turns) {
    for (const block of blocks) {
      for (const part of block.type === 'ToolResult' ? block.blocks : [block]) {
        if (part.type !== 'Image' && part.type !== 'File' && part.type !== 'Audio') continue;
        const found =
          role === 'user' ? mediaObstacle(part, context) : 'bedrock takes media from the user only';
        if (found !== undefined) return found;
      }
    }
  }
  if (request.turns.length === 0) return 'it has no messages';
  return unpaired(request.turns);
}

export function writeRequest(request: ChatRequest, context: WriteContext): Buffer {
  const { losses } = context;
  const model = modelOf(context.model, context.quirks);
  nameLost(request, HONOURS, 'bedrock', losses);
  if (request.output?.type === 'JSONObject')
    losses.dropped('response_format', 'bedrock has no JSON without a schema');
  const form = schemaForm(request, model);
  const conversation = alternate(request.turns, losses);
  const forced = isForced(request) || form === 'Tool';
  const { thinks, ...config } = writeConfig(request, conversation.turns, form, forced, model, context);
  const prefill = model.family !== 'Claude' || (model.traits.prefill && !thinks);
  const { system, messages, cachePoints } = writeMessages(conversation, prefill, model, context);
  return encode(
    object({
      system,
      messages,
      toolConfig: toolConfig(request, form, !thinks, model, cachePoints, context),
      ...config,
      serviceTier: serviceTier(request.serviceTier, context),
      requestMetadata: requestMetadata(request.metadata, context),
    }),
    request.source,
  );
}
