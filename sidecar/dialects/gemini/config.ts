/** What is asked of the answer: `generationConfig`, `tools`, `toolConfig`. */

import type { Losses } from '../canonical/losses.ts';
import type { ChatRequest, OutputFormat, Reasoning, Tool } from '../canonical/request.ts';
import { TEXT_SCHEMA } from '../canonical/tool-emulation.ts';
import { tryReadJson } from '../json/tape.ts';
import { array, type JsonText, json, object, optional } from '../json/write.ts';
import type { GeminiModel } from './model.ts';
import { schemaSubset } from './schema-subset.ts';

const MAX_STOPS = 5;
const MAX_LOGPROBS = 20;
/** Tokens of thinking for an effort, as Google's own OpenAI endpoint has it. */
const BUDGETS: Readonly<Record<string, number>> = {
  none: 0,
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
};
/** The least that models which cannot stop thinking take. */
const LEAST_BUDGET = 128;

export function generationConfig(
  request: ChatRequest,
  model: GeminiModel,
  losses: Losses,
): JsonText | undefined {
  const { stop, logprobs } = request;
  if (stop.length > MAX_STOPS) losses.changed('stop', `gemini takes ${MAX_STOPS} stop sequences`);
  if (logprobs && logprobs.top > MAX_LOGPROBS)
    losses.changed('top_logprobs', `gemini takes ${MAX_LOGPROBS} at most`);
  const config = object({
    maxOutputTokens: optional(request.maxOutputTokens),
    temperature: optional(request.temperature),
    topP: optional(request.topP),
    topK: optional(request.topK),
    stopSequences: stop.length > 0 ? array(stop.slice(0, MAX_STOPS).map(json)) : undefined,
    candidateCount: request.choices > 1 ? json(request.choices) : undefined,
    seed: optional(request.seed),
    presencePenalty: optional(request.presencePenalty),
    frequencyPenalty: optional(request.frequencyPenalty),
    responseLogprobs: logprobs ? 'true' : undefined,
    logprobs: logprobs && logprobs.top > 0 ? json(Math.min(logprobs.top, MAX_LOGPROBS)) : undefined,
    ...output(request.output, model, losses),
    thinkingConfig: thinking(request.reasoning, model, losses),
  });
  return config === '{}' ? undefined : config;
}

function output(
  format: OutputFormat | undefined,
  model: GeminiModel,
  losses: Losses,
): Record<string, JsonText | undefined> {
  if (format === undefined || format.type === 'Text') return {};
  const responseMimeType = json('application/json');
  if (format.type !== 'JSONSchema') return { responseMimeType };
  if (model.jsonSchema) return { responseMimeType, responseJsonSchema: format.schema };
  return {
    responseMimeType,
    responseSchema: subset(format.schema, 'response_format.json_schema.schema', losses),
  };
}

function thinking(
  reasoning: Reasoning | undefined,
  model: GeminiModel,
  losses: Losses,
): JsonText | undefined {
  if (reasoning === undefined) return undefined;
  const { mode, effort, budgetTokens, show } = reasoning;
  if (model.thinking === 'None') {
    if (mode !== 'Off') losses.dropped('reasoning_effort', 'the model does not think');
    return undefined;
  }
  const off = mode === 'Off' || effort === 'none';
  const config = object({
    thinkingBudget:
      model.thinking === 'Budget' || (!off && effort === undefined)
        ? optional(budget(off, reasoning, model, losses))
        : undefined,
    thinkingLevel:
      model.thinking === 'Level' && (off || effort !== undefined)
        ? optional(level(off ? 'none' : (effort as string), model, losses))
        : undefined,
    includeThoughts: optional(show),
  });
  if (budgetTokens !== undefined && effort !== undefined && model.thinking === 'Level') {
    losses.dropped('thinking.budget_tokens', 'gemini takes a level or a budget');
  }
  return config === '{}' ? undefined : config;
}

function budget(off: boolean, reasoning: Reasoning, model: GeminiModel, losses: Losses): number | undefined {
  if (off) {
    if (model.canStop) return 0;
    losses.changed('reasoning_effort', 'the model cannot stop thinking; it is asked for the least');
    return LEAST_BUDGET;
  }
  const { mode, effort, budgetTokens } = reasoning;
  if (budgetTokens !== undefined) return budgetTokens;
  if (model.thinking === 'Level') return undefined;
  if (mode === 'Adaptive' && effort === undefined) return -1;
  if (effort === undefined) return undefined;
  const tokens = BUDGETS[effort];
  if (tokens === undefined) losses.dropped('reasoning_effort', 'gemini has no such effort');
  return tokens;
}

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];
const LEVELS = ['MINIMAL', 'MINIMAL', 'LOW', 'MEDIUM', 'HIGH', 'HIGH', 'HIGH'];

/** The level asked for, or the next one up that the model has. */
function level(effort: string, model: GeminiModel, losses: Losses): string | undefined {
  const at = EFFORTS.indexOf(effort);
  if (at < 0) {
    losses.dropped('reasoning_effort', 'gemini has no such effort');
    return undefined;
  }
  const wanted = LEVELS[at] as string;
  const order = [...new Set(LEVELS)];
  const found = model.levels.find((name) => order.indexOf(name) >= order.indexOf(wanted)) as string;
  if (found !== wanted || effort === 'none' || effort === 'xhigh' || effort === 'max') {
    losses.changed('reasoning_effort', `the model thinks at the level ${found}`);
  }
  return found;
}

/** `tools`: functions together in one entry, then the vendor's own. */
export function tools(list: readonly Tool[], model: GeminiModel, losses: Losses): JsonText | undefined {
  const functions: JsonText[] = [];
  const own: JsonText[] = [];
  for (const tool of list) {
    if (tool.type !== 'Server') functions.push(declaration(tool, model, losses));
    else if (tool.native?.vendor === 'google') own.push(tool.native.json);
  }
  if (functions.length > 0) own.unshift(object({ functionDeclarations: array(functions) }));
  return own.length > 0 ? array(own) : undefined;
}

function declaration(tool: Tool, model: GeminiModel, losses: Losses): JsonText {
  if (tool.strict)
    losses.dropped('tools[].function.strict', 'gemini checks arguments only where a call is forced');
  const custom = tool.type === 'Custom';
  if (custom)
    losses.changed('tools[].custom', 'a tool that takes text is offered as one with a text in its input');
  const schema = custom ? TEXT_SCHEMA : tool.schema;
  return object({
    name: json(tool.name),
    description: optional(tool.description),
    parametersJsonSchema: model.jsonSchema ? schema : undefined,
    parameters:
      model.jsonSchema || schema === undefined || !hasProperties(schema)
        ? undefined
        : subset(schema, 'tools[].function.parameters', losses),
  });
}

/** An object without properties is refused in the subset; a function without parameters has none. */
function hasProperties(schema: JsonText): boolean {
  const properties = tryReadJson(Buffer.from(schema))?.at('properties');
  return properties !== undefined && properties.members().length > 0;
}

function subset(schema: JsonText, parameter: string, losses: Losses): JsonText | undefined {
  const result = schemaSubset(schema);
  if (result === undefined || result.looser)
    losses.changed(parameter, 'the model reads a subset of JSON schema');
  return result?.schema;
}

export function toolConfig(request: ChatRequest): JsonText | undefined {
  const { toolChoice } = request;
  if (toolChoice === undefined || request.tools.length === 0) return undefined;
  const mode = toolChoice.type === 'Auto' ? 'AUTO' : toolChoice.type === 'None' ? 'NONE' : 'ANY';
  return object({
    functionCallingConfig: object({
      mode: json(mode),
      allowedFunctionNames: toolChoice.type === 'Tool' ? array([json(toolChoice.name)]) : undefined,
    }),
  });
}
