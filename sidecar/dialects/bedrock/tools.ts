/** Tools and the choice among them; the schema of the answer, where the model cannot be held to one in another way. */

import type { ChatRequest, Tool } from '../canonical/request.ts';
import { ANSWER_TOOL, TEXT_SCHEMA } from '../canonical/tool-emulation.ts';
import type { WriteContext } from '../chat-format.ts';
import { tryReadJson } from '../json/tape.ts';
import { array, type JsonText, json, object, optional } from '../json/write.ts';
import type { CachePoints } from './messages.ts';
import type { BedrockModel } from './model.ts';

const NO_ARGUMENTS = '{"type":"object","properties":{}}';

/** Format: `outputConfig`. Tool: the answer is the input of a tool that must be called. */
export type SchemaForm = 'None' | 'Format' | 'Tool';

export function schemaForm(request: ChatRequest, model: BedrockModel): SchemaForm {
  if (request.output?.type !== 'JSONSchema') return 'None';
  if (model.structured) return 'Format';
  // Where a call of the app's own tools is demanded, the answer is that call.
  return isForced(request) ? 'None' : 'Tool';
}

export const isForced = ({ toolChoice, tools }: ChatRequest): boolean =>
  tools.length > 0 && (toolChoice?.type === 'Required' || toolChoice?.type === 'Tool');

/** `mayForce`: a call may be demanded; it may not of a Claude that thinks. */
export function toolConfig(
  request: ChatRequest,
  form: SchemaForm,
  mayForce: boolean,
  model: BedrockModel,
  cachePoints: CachePoints,
  context: WriteContext,
): JsonText | undefined {
  const { losses } = context;
  const called = calledTools(request);
  const none = request.toolChoice?.type === 'None' && form !== 'Tool';
  if (none && called.size === 0) return undefined;
  if (none && request.tools.length > 0) {
    losses.changed('tool_choice', 'bedrock cannot forbid tools that the conversation has called');
  }
  const tools = request.tools.flatMap((tool) => [
    toolSpec(tool, model, context),
    ...cachePoints.after(tool.cache),
  ]);
  if (request.output?.type === 'JSONSchema' && form === 'Tool') {
    const { description = 'Gives the answer. Its input is the whole answer.', schema } = request.output;
    tools.push(spec(ANSWER_TOOL, description, schema, undefined));
  }
  if (tools.length === 0 && called.size > 0) {
    // Calls in the conversation are refused without tools.
    losses.changed('tools', 'tools that the conversation has called are named, as bedrock wants them to be');
    for (const name of called) tools.push(spec(name, undefined, NO_ARGUMENTS, undefined));
  }
  if (tools.length === 0) return undefined;
  return object({ tools: array(tools), toolChoice: toolChoice(request, form, mayForce, context) });
}

function calledTools({ turns }: ChatRequest): Set<string> {
  const names = new Set<string>();
  for (const { blocks } of turns)
    for (const block of blocks) if (block.type === 'ToolCall') names.add(block.name);
  return names;
}

function toolSpec(tool: Tool, model: BedrockModel, { losses }: WriteContext): JsonText {
  const custom = tool.type === 'Custom';
  if (tool.type === 'Server') return tool.native?.json ?? '{}';
  if (custom)
    losses.changed('tools[].custom', 'a tool that takes text is offered as one with a text in its input');
  if (tool.strict && !model.structured)
    losses.dropped('tools[].function.strict', 'the model holds no tool to its schema');
  const schema = custom ? TEXT_SCHEMA : (tool.schema ?? NO_ARGUMENTS);
  return spec(tool.name, tool.description, schema, tool.strict && model.structured ? true : undefined);
}

function spec(
  name: string,
  description: string | undefined,
  schema: JsonText,
  strict: boolean | undefined,
): JsonText {
  return object({
    toolSpec: object({
      name: json(name),
      // An empty one is refused.
      description: description === undefined || description.trim() === '' ? undefined : json(description),
      inputSchema: object({ json: objectSchema(schema) }),
      strict: optional(strict),
    }),
  });
}

/** The top level must name the type object; what is written stays in its order. */
function objectSchema(schema: JsonText): JsonText {
  const node = tryReadJson(Buffer.from(schema));
  if (!node?.isObject || node.get('type') !== undefined) return schema;
  const inner = schema.slice(schema.indexOf('{') + 1);
  return `{"type":"object"${inner.trim() === '}' ? ',"properties":{}' : ','}${inner}`;
}

function toolChoice(
  request: ChatRequest,
  form: SchemaForm,
  mayForce: boolean,
  { losses }: WriteContext,
): JsonText | undefined {
  const { toolChoice: choice } = request;
  const named = (name: string): JsonText => object({ tool: object({ name: json(name) }) });
  if (form === 'Tool') {
    if (!mayForce) {
      losses.changed('response_format', 'the model thinks, and then no call of a tool can be demanded');
      return undefined;
    }
    // Next to tools of the app, the model may call one of them first.
    return choice?.type === 'None' || request.tools.length === 0 ? named(ANSWER_TOOL) : '{"any":{}}';
  }
  if (!isForced(request))
    return choice?.type === 'Auto' && request.tools.length > 0 ? '{"auto":{}}' : undefined;
  if (!mayForce) {
    losses.changed('tool_choice', 'the model thinks, and then no call of a tool can be demanded');
    return undefined;
  }
  return choice?.type === 'Tool' ? named(choice.name) : '{"any":{}}';
}
