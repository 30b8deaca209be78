/** A canonical request as the body of a chat completion, in the variant the vendor takes. */
import { nameLost } from '../../canonical/lost-parameters.ts';
import type { ChatRequest, OutputFormat, Reasoning } from '../../canonical/request.ts';
import type { WriteContext } from '../../chat-format.ts';
import { array, encode, type JsonText, json, object, optional } from '../../json/write.ts';
import { writeMessages } from './write-messages.ts';
import { writeToolChoice, writeTools } from './write-tools.ts';

export const CHAT_HONOURS: ReadonlySet<keyof ChatRequest> = new Set<keyof ChatRequest>([
  'turns',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'output',
  'maxOutputTokens',
  'temperature',
  'topP',
  'presencePenalty',
  'frequencyPenalty',
  'seed',
  'stop',
  'logitBias',
  'logprobs',
  'choices',
  'reasoning',
  'verbosity',
  'user',
  'serviceTier',
  'metadata',
  'stream',
  'includeUsage',
]);

/** Members that the OpenAI dialects share and no other has: they go on as they came. */
export const SHARED_MEMBERS: ReadonlySet<string> = new Set([
  'moderation',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
]);

/** Service tiers OpenAI has a name for. */
const TIERS = new Set(['auto', 'default', 'fast', 'flex', 'priority', 'scale']);

export function writeRequest(request: ChatRequest, context: WriteContext): Buffer {
  const { losses, quirks } = context;
  const shared = request.unknown.filter(({ name }) => SHARED_MEMBERS.has(name));
  const rest = request.unknown.filter(({ name }) => !SHARED_MEMBERS.has(name));
  nameLost({ ...request, unknown: rest }, CHAT_HONOURS, 'OpenAI Chat', losses);

  const members: Record<string, JsonText | undefined> = {
    model: json(context.model),
    messages: writeMessages(request, context),
    tools: writeTools(request.tools, losses),
    tool_choice: request.tools.length === 0 ? undefined : writeToolChoice(request),
    parallel_tool_calls: request.tools.length === 0 ? undefined : optional(request.parallelToolCalls),
    response_format: writeOutput(request.output),
    [quirks.outputCap ?? 'max_completion_tokens']: optional(request.maxOutputTokens),
    temperature: optional(request.temperature),
    top_p: optional(request.topP),
    presence_penalty: optional(request.presencePenalty),
    frequency_penalty: optional(request.frequencyPenalty),
    seed: optional(request.seed),
    stop: request.stop.length === 0 ? undefined : array(request.stop.map(json)),
    logit_bias: request.logitBias,
    logprobs: request.logprobs && 'true',
    top_logprobs: request.logprobs && request.logprobs.top > 0 ? json(request.logprobs.top) : undefined,
    n: request.choices === 1 ? undefined : json(request.choices),
    reasoning_effort: optional(reasoningEffort(request.reasoning, context)),
    verbosity: optional(request.verbosity),
    user: optional(request.user),
    service_tier: writeTier(request.serviceTier, context),
    metadata: request.metadata,
    stream: request.stream ? 'true' : undefined,
    stream_options: request.stream ? '{"include_usage":true}' : undefined,
  };
  for (const { name, value } of shared) members[name] ??= value;
  for (const name of quirks.refuses ?? []) {
    if (members[name] === undefined) continue;
    delete members[name];
    // What we add for ourselves is nobody's loss.
    if (name !== 'stream_options') losses.dropped(name, `the vendor refuses ${name}`);
  }
  return encode(object(members), request.source);
}

function writeOutput(output: OutputFormat | undefined): JsonText | undefined {
  if (output === undefined || output.type === 'Text') return undefined;
  if (output.type !== 'JSONSchema') return '{"type":"json_object"}';
  const schema = {
    name: json(output.name),
    description: optional(output.description),
    schema: output.schema,
    strict: optional(output.strict),
  };
  return object({ type: json('json_schema'), json_schema: object(schema) });
}

/** Other vendors' tiers mean nothing to OpenAI. */
export function writeTier(tier: string | undefined, { losses }: WriteContext): JsonText | undefined {
  if (tier === undefined) return undefined;
  if (TIERS.has(tier)) return json(tier);
  losses.dropped('service_tier', 'OpenAI has no such tier');
  return undefined;
}

/** Budgets in tokens become the effort whose usual spending is near. */
export function reasoningEffort(
  reasoning: Reasoning | undefined,
  { losses }: WriteContext,
): string | undefined {
  if (reasoning === undefined) return undefined;
  const { mode, effort, budgetTokens } = reasoning;
  if (effort !== undefined) return effort;
  if (mode === 'Off') {
    losses.changed(
      'reasoning',
      'models that always reason cannot be told not to; the default effort is left as it is',
    );
    return undefined;
  }
  if (budgetTokens === undefined) return undefined;
  losses.changed('reasoning.budget_tokens', 'the vendor takes an effort, not a budget');
  return budgetTokens <= 4096 ? 'low' : budgetTokens <= 16_384 ? 'medium' : 'high';
}
