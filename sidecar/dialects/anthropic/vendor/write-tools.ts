/** Tools and the choice among them. */
import type { ChatRequest, Tool } from '../../canonical/request.ts';
import { ANSWER_TOOL, TEXT_SCHEMA } from '../../canonical/tool-emulation.ts';
import type { WriteContext } from '../../chat-format.ts';
import { readJson } from '../../json/tape.ts';
import { array, type JsonText, json, object } from '../../json/write.ts';
import { writeCache } from '../cache-control.ts';
import type { ModelTraits } from './model-traits.ts';
import { outputSchema } from './output-schema.ts';

/** How the answer's schema is asked for. Format: in the API's own way. Tool: as the input of a tool that must be called. */
export type SchemaForm = 'None' | 'Format' | 'Tool';

export function schemaForm(request: ChatRequest, traits: ModelTraits): SchemaForm {
  if (request.output?.type !== 'JSONSchema') return 'None';
  if (traits.structured) return 'Format';
  // Where a call of the app's own tools is demanded, the answer is that call.
  return isForced(request) ? 'None' : 'Tool';
}

const isForced = ({ toolChoice }: ChatRequest): boolean =>
  toolChoice?.type === 'Required' || toolChoice?.type === 'Tool';

/** Whether the model will have to call a tool. */
export const mustCall = (request: ChatRequest, form: SchemaForm): boolean =>
  form === 'Tool' || isForced(request);

/** Undefined: no tools. MCP servers have a member of their own. */
export function writeTools(
  request: ChatRequest,
  form: SchemaForm,
  traits: ModelTraits,
  context: WriteContext,
): JsonText | undefined {
  const tools = request.tools
    .filter((tool) => !isServer(tool))
    .map((tool) => writeTool(tool, traits, context));
  if (request.tools.length === 0) for (const name of calledTools(request)) tools.push(formerTool(name));
  if (form === 'Tool' && request.output?.type === 'JSONSchema') {
    const { description, schema } = request.output;
    tools.push(
      object({
        name: json(ANSWER_TOOL),
        description: json(description ?? 'Gives the answer. Its input is the whole answer.'),
        input_schema: asObjectSchema(schema),
      }),
    );
  }
  return tools.length > 0 ? array(tools) : undefined;
}

/** A conversation with calls names its tools, even where none is offered any more. */
function calledTools({ turns }: ChatRequest): Set<string> {
  const calls = turns.flatMap(({ blocks }) => blocks.filter((block) => block.type === 'ToolCall'));
  return new Set(calls.map(({ name }) => name));
}

const formerTool = (name: string): JsonText =>
  object({ name: json(name), input_schema: '{"type":"object","properties":{}}' });

export function writeServers(request: ChatRequest): JsonText | undefined {
  const servers = request.tools.filter(isServer).map(({ native }) => native?.json ?? '{}');
  return servers.length > 0 ? array(servers) : undefined;
}

const isServer = ({ type, name }: Tool): boolean => type === 'Server' && name.startsWith('mcp_servers: ');

function writeTool(tool: Tool, traits: ModelTraits, { losses }: WriteContext): JsonText {
  if (tool.type === 'Server') return tool.native?.json ?? '{}';
  const custom = tool.type === 'Custom';
  if (custom) {
    losses.changed('tools[].custom', 'a tool that takes text is offered as one with a text in its input');
    if (tool.native && readJson(Buffer.from(tool.native.json)).at('custom')?.at('format')?.at('grammar')) {
      losses.dropped('tools[].custom.format', 'anthropic holds no tool to a grammar');
    }
  }
  if (tool.strict && !traits.structured) {
    losses.dropped('tools[].function.strict', 'the model holds no tool to its schema');
  }
  const strict = tool.strict === true && traits.structured && !custom;
  const schema = asObjectSchema(tool.schema ?? '{}');
  return object({
    name: json(tool.name),
    description: tool.description === undefined ? undefined : json(tool.description),
    input_schema: custom
      ? TEXT_SCHEMA
      : strict
        ? outputSchema(schema, 'tools[].function.parameters', losses)
        : schema,
    strict: strict ? 'true' : undefined,
    cache_control: writeCache(tool.cache),
  });
}

/** The schema of an input names the type object. */
function asObjectSchema(schema: JsonText): JsonText {
  const node = readJson(Buffer.from(schema));
  if (node.get('type')) return schema;
  const members = [...node.members()];
  return object({
    type: '"object"',
    ...(members.length === 0 && { properties: '{}' }),
    ...Object.fromEntries(members.map(([name, value]) => [name, value.raw])),
  });
}

/** `allowed`: calls may be demanded at all; they may not of a model that thinks. */
export function writeToolChoice(
  request: ChatRequest,
  form: SchemaForm,
  allowed: boolean,
  { losses }: WriteContext,
): JsonText | undefined {
  const { toolChoice, parallelToolCalls } = request;
  if (request.tools.length === 0 && form !== 'Tool')
    return calledTools(request).size > 0 ? '{"type":"none"}' : undefined;
  const single = parallelToolCalls === false ? 'true' : undefined;
  const choice = (type: string, name?: string): JsonText =>
    object({
      type: json(type),
      name: name === undefined ? undefined : json(name),
      disable_parallel_tool_use: type === 'none' ? undefined : single,
    });
  if (!allowed && mustCall(request, form)) {
    const parameter = form === 'Tool' ? 'response_format' : 'tool_choice';
    losses.changed(parameter, 'the model always thinks, and then no call of a tool can be demanded');
    return choice('auto');
  }
  if (form === 'Tool') {
    // Next to tools of the app, the model may call one of them first.
    return toolChoice?.type === 'None' || request.tools.length === 0
      ? choice('tool', ANSWER_TOOL)
      : choice('any');
  }
  switch (toolChoice?.type) {
    case 'None':
      return choice('none');
    case 'Required':
      return choice('any');
    case 'Tool':
      return choice('tool', toolChoice.name);
    default:
      return single ? choice('auto') : undefined;
  }
}
