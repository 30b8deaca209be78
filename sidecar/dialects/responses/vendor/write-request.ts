/** A canonical request as the body of `POST /v1/responses`. Nothing is kept by the vendor: the conversation is all here. */
import { nameLost } from '../../canonical/lost-parameters.ts';
import type { ChatRequest, OutputFormat, Tool } from '../../canonical/request.ts';
import type { WriteContext } from '../../chat-format.ts';
import { readJson } from '../../json/tape.ts';
import { array, encode, type JsonText, json, object, optional } from '../../json/write.ts';
import { reasoningEffort, SHARED_MEMBERS, writeTier } from '../../openai/vendor/write-request.ts';
import { dropCache } from '../../openai/vendor/write-tools.ts';
import { writeInput } from './write-input.ts';

export const RESPONSES_HONOURS: ReadonlySet<keyof ChatRequest> = new Set<keyof ChatRequest>([
  'turns',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'output',
  'maxOutputTokens',
  'temperature',
  'topP',
  'logprobs',
  'reasoning',
  'verbosity',
  'user',
  'serviceTier',
  'metadata',
  'stream',
  'includeUsage',
]);

/** OpenAI refuses a smaller cap. */
const LEAST_OUTPUT = 16;

export function writeRequest(request: ChatRequest, context: WriteContext): Buffer {
  const { losses, quirks } = context;
  const shared = request.unknown.filter(({ name }) => SHARED_MEMBERS.has(name));
  const rest = request.unknown.filter(({ name }) => !SHARED_MEMBERS.has(name));
  nameLost({ ...request, unknown: rest }, RESPONSES_HONOURS, 'OpenAI Responses', losses);
  const members: Record<string, JsonText | undefined> = {
    model: json(context.model),
    input: writeInput(request, context),
    tools: writeTools(request.tools, context),
    tool_choice: request.tools.length === 0 ? undefined : writeChoice(request),
    parallel_tool_calls: request.tools.length === 0 ? undefined : optional(request.parallelToolCalls),
    text: writeText(request),
    max_output_tokens: optional(writeCap(request.maxOutputTokens, context)),
    temperature: optional(request.temperature),
    top_p: optional(request.topP),
    top_logprobs: request.logprobs && json(request.logprobs.top),
    include: writeInclude(request),
    reasoning: writeReasoning(request, context),
    user: optional(request.user),
    service_tier: writeTier(request.serviceTier, context),
    metadata: request.metadata,
    store: 'false',
    stream: request.stream ? 'true' : undefined,
  };
  for (const { name, value } of shared) members[name] ??= value;
  for (const name of quirks.refuses ?? []) {
    if (members[name] === undefined) continue;
    delete members[name];
    losses.dropped(name, `the vendor refuses ${name}`);
  }
  return encode(object(members), request.source);
}

function writeTools(tools: readonly Tool[], { losses }: WriteContext): JsonText | undefined {
  if (tools.length === 0) return undefined;
  if (tools.some(({ cache }) => cache)) dropCache('tools[].cache_control', losses);
  return array(tools.map(writeTool));
}

/** Responses take a function without `strict` as strict, other dialects do not. */
function writeTool(tool: Tool): JsonText {
  if (tool.type !== 'Function') return writeCustom(tool);
  return object({
    type: json('function'),
    name: json(tool.name),
    description: optional(tool.description),
    parameters: tool.schema ?? '{"type":"object","properties":{}}',
    strict: json(tool.strict ?? false),
  });
}

/** Responses keep the members of a custom tool beside its type, and the grammar of its format likewise. */
function writeCustom({ name, description, native }: Tool): JsonText {
  const tool = native && readJson(Buffer.from(native.json));
  const format = (tool?.at('custom') ?? tool)?.at('format');
  const grammar = format?.at('grammar');
  return object({
    type: json('custom'),
    name: json(name),
    description: optional(description),
    format: grammar
      ? object({
          type: json('grammar'),
          syntax: grammar.at('syntax')?.raw,
          definition: grammar.at('definition')?.raw,
        })
      : format?.raw,
  });
}

function writeChoice({ toolChoice, tools }: ChatRequest): JsonText | undefined {
  if (toolChoice === undefined) return undefined;
  if (toolChoice.type !== 'Tool') return json(toolChoice.type.toLowerCase());
  const { name } = toolChoice;
  const type = tools.find((tool) => tool.name === name)?.type === 'Custom' ? 'custom' : 'function';
  return object({ type: json(type), name: json(name) });
}

function writeText({ output, verbosity }: ChatRequest): JsonText | undefined {
  const format = writeFormat(output);
  if (format === undefined && verbosity === undefined) return undefined;
  return object({ format, verbosity: optional(verbosity) });
}

function writeFormat(output: OutputFormat | undefined): JsonText | undefined {
  if (output === undefined || output.type === 'Text') return undefined;
  if (output.type !== 'JSONSchema') return '{"type":"json_object"}';
  return object({
    type: json('json_schema'),
    name: json(output.name),
    description: optional(output.description),
    schema: output.schema,
    strict: optional(output.strict),
  });
}

function writeCap(cap: number | undefined, { losses }: WriteContext): number | undefined {
  if (cap === undefined || cap >= LEAST_OUTPUT) return cap;
  losses.changed('max_tokens', `OpenAI Responses take at least ${LEAST_OUTPUT}`);
  return LEAST_OUTPUT;
}

/** The cipher of the reasoning is what the next turn needs; models that do not reason refuse to be asked for it. */
function writeInclude({ reasoning, logprobs }: ChatRequest): JsonText | undefined {
  const include: JsonText[] = [];
  if (reasoning && reasoning.mode !== 'Off') include.push(json('reasoning.encrypted_content'));
  if (logprobs) include.push(json('message.output_text.logprobs'));
  return include.length === 0 ? undefined : array(include);
}

function writeReasoning({ reasoning }: ChatRequest, context: WriteContext): JsonText | undefined {
  const effort = reasoningEffort(reasoning, context);
  const summary = reasoning?.show ? json('auto') : undefined;
  return effort === undefined && summary === undefined
    ? undefined
    : object({ effort: optional(effort), summary });
}
