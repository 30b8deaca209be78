/** A canonical request as the body of `POST /v1/messages`. */
import { nameLost } from '../../canonical/lost-parameters.ts';
import type { Block, ChatRequest } from '../../canonical/request.ts';
import type { WriteContext } from '../../chat-format.ts';
import { array, encode, type JsonText, json, object, optional } from '../../json/write.ts';
import { type ModelTraits, traitsOf } from './model-traits.ts';
import { outputSchema } from './output-schema.ts';
import { type Thinking, writeThinking } from './write-thinking.ts';
import {
  mustCall,
  type SchemaForm,
  schemaForm,
  writeServers,
  writeToolChoice,
  writeTools,
} from './write-tools.ts';
import { arrange, turnsObstacle, writeBlock, writeTurns } from './write-turns.ts';

export const HONOURS: ReadonlySet<keyof ChatRequest> = new Set<keyof ChatRequest>([
  'turns',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'output',
  'maxOutputTokens',
  'temperature',
  'topP',
  'topK',
  'stop',
  'reasoning',
  'user',
  'serviceTier',
  'stream',
  'includeUsage',
]);

const JSON_ONLY: Block = { type: 'Text', text: 'Answer with one JSON object and nothing else.' };
/** The vendor takes no longer name of a user. */
const MAX_USER = 256;

export function obstacle(request: ChatRequest, context: WriteContext): string | undefined {
  if (request.untranslatable !== undefined) return request.untranslatable;
  if (request.choices > 1)
    return `anthropic gives one answer to a request, ${request.choices} are asked for (n)`;
  if ((request.maxOutputTokens ?? context.maxOutputTokens) === undefined) {
    return 'anthropic wants max_tokens; the request has none and the largest output of the model is unknown';
  }
  for (const { type, name, native } of request.tools) {
    if (type === 'Server' && native?.vendor !== 'anthropic') {
      return `the tool "${name.slice(0, 64)}" runs at ${native?.vendor ?? 'another vendor'} only`;
    }
  }
  if (!request.turns.some(({ blocks }) => blocks.length > 0)) return 'the conversation is empty';
  return turnsObstacle(request, context);
}

export function writeRequest(request: ChatRequest, context: WriteContext): Buffer {
  const { model, quirks, losses } = context;
  const traits = traitsOf(model, quirks);
  const maxTokens = request.maxOutputTokens ?? context.maxOutputTokens ?? 0;
  const form = schemaForm(request, traits);
  const forced = mustCall(request, form);
  const arranged = arrange(request, traits, losses);
  const { system } = arranged;
  const thinking = writeThinking(request.reasoning, arranged.turns, traits, maxTokens, forced, context);
  const instructions = request.output?.type === 'JSONObject' ? [...system, JSON_ONLY] : system;
  if (request.output?.type === 'JSONObject') {
    losses.changed('response_format', 'anthropic has no json_object; the model is told to answer with one');
  }
  nameLost(request, HONOURS, 'anthropic', losses);
  const members: Record<string, JsonText | undefined> = {
    anthropic_version: optional(quirks.anthropicVersion),
    model: quirks.anthropicVersion === undefined ? json(model) : undefined,
    max_tokens: json(maxTokens),
    system:
      instructions.length > 0 ? array(instructions.map((block) => writeBlock(block, context))) : undefined,
    messages: writeTurns(arranged, traits.prefill && !thinking.on, context),
    tools: writeTools(request, form, traits, context),
    mcp_servers: writeServers(request),
    tool_choice: writeToolChoice(request, form, traits.unasked !== 'Always', context),
    thinking: thinking.text,
    output_config: outputConfig(request, form, thinking, context),
    ...sampling(request, traits, thinking, context),
    stop_sequences: stopSequences(request, context),
    metadata: userId(request, context),
    service_tier: serviceTier(request, context),
    stream: request.stream ? 'true' : undefined,
  };
  for (const name of quirks.refuses ?? []) {
    if (members[name] === undefined) continue;
    members[name] = undefined;
    if (name !== 'stream') losses.dropped(name, `the vendor has no ${name}`);
  }
  return encode(object(members), request.source);
}

function outputConfig(
  request: ChatRequest,
  form: SchemaForm,
  { effort }: Thinking,
  { losses }: WriteContext,
): JsonText | undefined {
  const { output } = request;
  const format =
    form === 'Format' && output?.type === 'JSONSchema'
      ? object({
          type: '"json_schema"',
          schema: outputSchema(output.schema, 'response_format.json_schema.schema', losses),
        })
      : undefined;
  return effort === undefined && format === undefined
    ? undefined
    : object({ effort: optional(effort), format });
}

/** A model that thinks samples as it sees fit. */
function sampling(
  { temperature, topP, topK }: ChatRequest,
  { sampling: takes }: ModelTraits,
  { on }: Thinking,
  { losses }: WriteContext,
): Record<string, JsonText | undefined> {
  const reason = takes === 'None' ? 'the model has no' : on ? 'a model that thinks has no' : undefined;
  if (reason !== undefined) {
    for (const [name, value] of Object.entries({ temperature, top_p: topP, top_k: topK })) {
      // 1 is what it is without being asked for.
      if (value !== undefined && !(name !== 'top_k' && value === 1))
        losses.dropped(name, `${reason} ${name}`);
    }
    return {};
  }
  let warmth = temperature;
  if (warmth !== undefined && warmth > 1) {
    losses.changed('temperature', 'anthropic takes at most 1');
    warmth = 1;
  }
  const both = takes === 'OneOf' && warmth !== undefined && topP !== undefined;
  if (both && topP !== 1) losses.dropped('top_p', 'the model takes temperature or top_p, not both');
  return { temperature: optional(warmth), top_p: both ? undefined : optional(topP), top_k: optional(topK) };
}

function stopSequences({ stop }: ChatRequest, { losses }: WriteContext): JsonText | undefined {
  const kept = stop.filter((sequence) => sequence.trim() !== '');
  if (kept.length < stop.length)
    losses.dropped('stop', 'anthropic takes no stop sequence of white space alone');
  return kept.length > 0 ? array(kept.map(json)) : undefined;
}

function userId({ user }: ChatRequest, { losses }: WriteContext): JsonText | undefined {
  if (user === undefined) return undefined;
  if (user.length <= MAX_USER) return object({ user_id: json(user) });
  losses.dropped('user', `anthropic takes at most ${MAX_USER} characters`);
  return undefined;
}

function serviceTier({ serviceTier: tier }: ChatRequest, { losses }: WriteContext): JsonText | undefined {
  switch (tier) {
    case undefined:
      return undefined;
    case 'auto':
      return '"auto"';
    case 'default':
      return '"standard_only"';
    case 'priority':
      losses.changed('service_tier', 'anthropic serves with priority where the account has it (auto)');
      return '"auto"';
    default:
      losses.dropped('service_tier', `anthropic has no tier "${tier.slice(0, 20)}"`);
      return undefined;
  }
}
