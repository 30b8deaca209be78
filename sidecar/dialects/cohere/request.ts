/** A conversation as the body of `POST /v2/chat`. */

import { unpaired } from '../canonical/conversation.ts';
import type { Losses } from '../canonical/losses.ts';
import { nameLost } from '../canonical/lost-parameters.ts';
import type { ChatRequest, OutputFormat, Reasoning, Tool } from '../canonical/request.ts';
import { TEXT_SCHEMA } from '../canonical/tool-emulation.ts';
import type { WriteContext } from '../chat-format.ts';
import { tryReadJson } from '../json/tape.ts';
import { array, encode, type JsonText, json, object, optional } from '../json/write.ts';
import { mediaObstacle, writeMessages } from './messages.ts';

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
  'reasoning',
  'stream',
  'includeUsage',
]);

const MAX_STOPS = 5;
const MAX_K = 500;
const LEAST_P = 0.01;
const MOST_P = 0.99;
const NO_PARAMETERS = '{"type":"object","properties":{}}';
/** Models from before thinking; it is an error to ask them for it. */
const THOUGHTLESS =
  /^(command-r|command-light|command-nightly|command-a-(03|vision|translate)|command$|c4ai)/;

export function obstacle(request: ChatRequest, context: WriteContext): string | undefined {
  for (const { type, name, native } of request.tools) {
    if (type === 'Server') return `the tool "${name}" runs at ${native?.vendor ?? 'its vendor'} only`;
  }
  const shaped = request.output !== undefined && request.output.type !== 'Text';
  if (shaped && request.tools.length > 0) return 'cohere takes no JSON output beside tools';
  for (const { blocks } of request.turns) {
    for (const block of blocks) {
      for (const part of block.type === 'ToolResult' ? block.blocks : [block]) {
        const found = mediaObstacle(part, context);
        if (found !== undefined) return found;
      }
    }
  }
  if (request.turns.length === 0) return 'it has no messages';
  return unpaired(request.turns);
}

export function writeRequest(request: ChatRequest, context: WriteContext): Buffer {
  const { losses } = context;
  nameLost(request, HONOURS, 'cohere', losses);
  const { stop, logprobs, toolChoice } = request;
  if (stop.length > MAX_STOPS) losses.changed('stop', `cohere takes ${MAX_STOPS} stop sequences`);
  if (logprobs && logprobs.top > 0) losses.dropped('top_logprobs', 'cohere tells of chosen tokens only');
  return encode(
    object({
      model: json(context.model),
      messages: writeMessages(request.turns, context),
      ...tools(request, losses),
      tool_choice: toolChoiceOf(toolChoice),
      response_format: responseFormat(request.output),
      max_tokens: optional(request.maxOutputTokens),
      temperature: optional(request.temperature),
      p: optional(clamped('top_p', request.topP, LEAST_P, MOST_P, losses)),
      k: optional(clamped('top_k', request.topK, 0, MAX_K, losses)),
      presence_penalty: optional(clamped('presence_penalty', request.presencePenalty, 0, 1, losses)),
      frequency_penalty: optional(clamped('frequency_penalty', request.frequencyPenalty, 0, 1, losses)),
      seed: optional(request.seed),
      stop_sequences: stop.length > 0 ? array(stop.slice(0, MAX_STOPS).map(json)) : undefined,
      logprobs: logprobs ? 'true' : undefined,
      thinking: thinking(request.reasoning, context.model, losses),
      stream: json(request.stream),
    }),
    request.source,
  );
}

function clamped(
  name: string,
  value: number | undefined,
  least: number,
  most: number,
  losses: Losses,
): number | undefined {
  if (value === undefined || (value >= least && value <= most)) return value;
  losses.changed(name, `cohere takes ${least} to ${most}`);
  return Math.min(Math.max(value, least), most);
}

/** One tool that must be called is the only one offered, for none can be named. */
function tools(request: ChatRequest, losses: Losses): Record<string, JsonText | undefined> {
  const { toolChoice } = request;
  let list = request.tools;
  if (toolChoice?.type === 'Tool') {
    list = list.filter(({ name }) => name === toolChoice.name);
    if (list.length < request.tools.length)
      losses.changed('tool_choice', 'only the tool that must be called is offered');
  }
  if (list.length === 0) return {};
  const strict = list.every((tool) => tool.strict === true && hasRequired(tool));
  if (!strict && list.some((tool) => tool.strict === true)) {
    losses.dropped(
      'tools[].function.strict',
      'cohere holds all tools to their schemas, each with a required parameter, or none',
    );
  }
  for (const { cache } of list)
    if (cache) losses.dropped('cache_control', 'cohere has no marks for its cache');
  return {
    tools: array(list.map((tool) => toolOf(tool, losses))),
    strict_tools: strict ? 'true' : undefined,
  };
}

const hasRequired = ({ schema }: Tool): boolean =>
  schema !== undefined && (tryReadJson(Buffer.from(schema))?.at('required')?.elements() ?? []).length > 0;

function toolOf({ type, name, description, schema }: Tool, losses: Losses): JsonText {
  if (type === 'Custom')
    losses.changed('tools[].custom', 'a tool that takes text is offered as one with a text in its input');
  return object({
    type: '"function"',
    function: object({
      name: json(name),
      description: optional(description),
      parameters: type === 'Custom' ? TEXT_SCHEMA : (schema ?? NO_PARAMETERS),
    }),
  });
}

function toolChoiceOf(choice: ChatRequest['toolChoice']): JsonText | undefined {
  if (choice === undefined || choice.type === 'Auto') return undefined;
  return choice.type === 'None' ? '"NONE"' : '"REQUIRED"';
}

function responseFormat(format: OutputFormat | undefined): JsonText | undefined {
  if (format === undefined || format.type === 'Text') return undefined;
  return object({
    type: '"json_object"',
    json_schema: format.type === 'JSONSchema' ? format.schema : undefined,
  });
}

function thinking(reasoning: Reasoning | undefined, model: string, losses: Losses): JsonText | undefined {
  if (reasoning === undefined) return undefined;
  const off = reasoning.mode === 'Off' || reasoning.effort === 'none';
  if (THOUGHTLESS.test(model)) {
    if (!off) losses.dropped('reasoning_effort', 'the model does not think');
    return undefined;
  }
  if (off) return '{"type":"disabled"}';
  if (reasoning.effort !== undefined && reasoning.budgetTokens === undefined) {
    losses.changed('reasoning_effort', 'cohere knows no effort: the model thinks as it does');
  }
  return object({ type: '"enabled"', token_budget: optional(reasoning.budgetTokens) });
}
