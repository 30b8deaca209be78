/** What is asked of the answer: `inferenceConfig`, `outputConfig`, and what goes to the model as it is. */
import { type Thinking, writeThinking } from '../anthropic/vendor/write-thinking.ts';
import type { AlternatingTurn } from '../canonical/conversation.ts';
import type { ChatRequest } from '../canonical/request.ts';
import type { WriteContext } from '../chat-format.ts';
import { array, type JsonText, json, object, optional } from '../json/write.ts';
import type { BedrockModel } from './model.ts';
import type { SchemaForm } from './tools.ts';

/** Where neither request nor model says how long an answer may be, thinking is given this much room. */
const ROOM = 32_000;
const MAX_LABELS = 16;
const LABEL = /^[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}$/;

export interface Config {
  inferenceConfig: JsonText | undefined;
  additionalModelRequestFields: JsonText | undefined;
  additionalModelResponseFieldPaths: JsonText | undefined;
  outputConfig: JsonText | undefined;
  /** The model thinks, so no call of a tool may be demanded. */
  thinks: boolean;
}

export function writeConfig(
  request: ChatRequest,
  turns: readonly AlternatingTurn[],
  form: SchemaForm,
  forced: boolean,
  model: BedrockModel,
  context: WriteContext,
): Config {
  const { losses, maxOutputTokens } = context;
  let cap = request.maxOutputTokens;
  if (cap !== undefined && maxOutputTokens !== undefined && cap > maxOutputTokens) {
    losses.changed('max_tokens', `the model's largest output is ${maxOutputTokens} tokens`);
    cap = maxOutputTokens;
  }
  const thinking = claudeThinking(request, turns, cap, forced, model, context);
  const sampling = samplingOf(request, thinking.on, model, context);
  const stops = request.stop.filter((stop) => stop.trim() !== '');
  if (stops.length < request.stop.length) losses.changed('stop', 'bedrock takes no blank stop sequences');
  const inference = object({
    // With a budget of thinking the answer's length must be known.
    maxTokens: optional(
      cap ?? (thinking.text?.includes('budget_tokens') ? (maxOutputTokens ?? ROOM) : undefined),
    ),
    temperature: optional(sampling.temperature),
    topP: optional(sampling.topP),
    stopSequences: stops.length > 0 ? array(stops.map(json)) : undefined,
  });
  const additional = object({
    ...(model.family === 'Claude' ? { thinking: thinking.text } : otherThinking(request, model, context)),
    top_k: model.family === 'Claude' || model.family === 'Mistral' ? optional(sampling.topK) : undefined,
    inferenceConfig:
      model.family === 'Nova' && sampling.topK !== undefined
        ? object({ topK: json(sampling.topK) })
        : undefined,
  });
  const output = object({
    textFormat: form === 'Format' ? textFormat(request) : undefined,
    effort: optional(thinking.effort),
  });
  return {
    inferenceConfig: inference === '{}' ? undefined : inference,
    additionalModelRequestFields: additional === '{}' ? undefined : additional,
    additionalModelResponseFieldPaths:
      model.family === 'Claude' && stops.length > 0 ? array([json('/stop_sequence')]) : undefined,
    outputConfig: output === '{}' ? undefined : output,
    thinks: thinking.on,
  };
}

function claudeThinking(
  { reasoning }: ChatRequest,
  turns: readonly AlternatingTurn[],
  cap: number | undefined,
  forced: boolean,
  model: BedrockModel,
  context: WriteContext,
): Thinking {
  if (model.family !== 'Claude') return { text: undefined, effort: undefined, on: false };
  return writeThinking(
    reasoning,
    turns,
    model.traits,
    cap ?? context.maxOutputTokens ?? ROOM,
    forced,
    context,
  );
}

function otherThinking(
  { reasoning }: ChatRequest,
  model: BedrockModel,
  { losses }: WriteContext,
): Record<string, JsonText | undefined> {
  if (reasoning === undefined || reasoning.mode === 'Off') return {};
  const effort = reasoning.effort ?? 'medium';
  const level = ['minimal', 'low'].includes(effort) ? 'low' : effort === 'medium' ? 'medium' : 'high';
  if (!model.thinks && model.family !== 'GptOss') {
    losses.dropped('reasoning_effort', 'the model is not known to think on demand');
    return {};
  }
  if (level !== effort) losses.changed('reasoning_effort', `the model's nearest effort is ${level}`);
  if (reasoning.budgetTokens !== undefined)
    losses.dropped('thinking.budget_tokens', 'the model takes an effort only');
  return model.family === 'GptOss'
    ? { reasoning_effort: json(level) }
    : { reasoningConfig: object({ type: '"enabled"', maxReasoningEffort: json(level) }) };
}

interface Sampling {
  temperature: number | undefined;
  topP: number | undefined;
  topK: number | undefined;
}

function samplingOf(
  request: ChatRequest,
  thinks: boolean,
  model: BedrockModel,
  { losses }: WriteContext,
): Sampling {
  let { temperature, topP, topK } = request;
  const { family, traits } = model;
  const drop = (name: string, value: number | undefined, why: string): undefined => {
    if (value !== undefined) losses.dropped(name, why);
    return undefined;
  };
  if (family === 'Claude' && (traits.sampling === 'None' || thinks)) {
    const why = thinks ? 'a model that thinks samples as it does' : 'the model samples as it does';
    // What it would do anyway is no loss.
    temperature = temperature === 1 ? undefined : drop('temperature', temperature, why);
    topP = topP === 1 ? undefined : drop('top_p', topP, why);
    topK = drop('top_k', topK, why);
  }
  if (family === 'Claude' && traits.sampling === 'OneOf' && temperature !== undefined && topP !== undefined) {
    topP = drop('top_p', topP, 'the model takes temperature or top_p');
  }
  if (family === 'Other' || family === 'GptOss')
    topK = drop('top_k', topK, 'the model is not known to have top_k');
  if (temperature !== undefined && temperature > 1) {
    losses.changed('temperature', 'bedrock takes 1 at most');
    temperature = 1;
  }
  return { temperature, topP, topK };
}

/** The schema goes as text, so as it was written. */
function textFormat({ output }: ChatRequest): JsonText | undefined {
  if (output?.type !== 'JSONSchema') return undefined;
  return object({
    type: '"json_schema"',
    structure: object({
      jsonSchema: object({
        schema: json(output.schema),
        name: json(output.name),
        description: optional(output.description),
      }),
    }),
  });
}

const TIERS: Readonly<Record<string, string>> = {
  default: 'default',
  standard: 'default',
  standard_only: 'default',
  flex: 'flex',
  priority: 'priority',
};

export function serviceTier(name: string | undefined, { losses }: WriteContext): JsonText | undefined {
  if (name === undefined || name === 'auto') return undefined;
  const type = TIERS[name];
  if (type === undefined) losses.dropped('service_tier', 'bedrock has no such tier');
  return type === undefined ? undefined : object({ type: json(type) });
}

/** Texts of few characters; other metadata would be refused. */
export function requestMetadata(
  metadata: JsonText | undefined,
  { losses }: WriteContext,
): JsonText | undefined {
  if (metadata === undefined) return undefined;
  const entries = Object.entries(JSON.parse(metadata) as Record<string, unknown>);
  if (entries.length === 0) return undefined;
  const fits =
    entries.length <= MAX_LABELS &&
    entries.every(
      ([name, value]) => name !== '' && LABEL.test(name) && typeof value === 'string' && LABEL.test(value),
    );
  if (fits) return metadata;
  losses.dropped('metadata', 'bedrock takes 16 short texts of plain characters');
  return undefined;
}
