/** Tools and the choice among them in OpenAI's form. */
import type { Losses } from '../../canonical/losses.ts';
import type { ChatRequest, Tool } from '../../canonical/request.ts';
import { readJson } from '../../json/tape.ts';
import { array, type JsonText, json, object, optional } from '../../json/write.ts';

export function writeTools(tools: readonly Tool[], losses: Losses): JsonText | undefined {
  if (tools.length === 0) return undefined;
  if (tools.some(({ cache }) => cache)) dropCache('tools[].cache_control', losses);
  return array(tools.map(writeTool));
}

function writeTool(tool: Tool): JsonText {
  if (tool.type !== 'Function') return writeCustom(tool);
  const body = {
    name: json(tool.name),
    description: optional(tool.description),
    parameters: tool.schema,
    strict: optional(tool.strict),
  };
  return object({ type: json('function'), function: object(body) });
}

/** Chat keeps the members of a custom tool in one of their own, and the grammar of its format likewise. */
function writeCustom({ name, description, native }: Tool): JsonText {
  const tool = native && readJson(Buffer.from(native.json));
  const body = tool?.at('custom');
  if (body) return object({ type: json('custom'), custom: body.raw });
  const format = tool?.at('format');
  const grammar = format?.at('type')?.text === 'grammar' && !format.at('grammar');
  const flat = {
    syntax: format?.at('syntax')?.raw,
    definition: format?.at('definition')?.raw,
  };
  const custom = {
    name: json(name),
    description: optional(description),
    format: grammar ? object({ type: json('grammar'), grammar: object(flat) }) : format?.raw,
  };
  return object({ type: json('custom'), custom: object(custom) });
}

export function writeToolChoice({ toolChoice, tools }: ChatRequest): JsonText | undefined {
  if (toolChoice === undefined) return undefined;
  if (toolChoice.type !== 'Tool') return json(toolChoice.type.toLowerCase());
  const { name } = toolChoice;
  const type = tools.find((tool) => tool.name === name)?.type === 'Custom' ? 'custom' : 'function';
  return object({ type: json(type), [type]: object({ name: json(name) }) });
}

export function dropCache(parameter: string, losses: Losses): void {
  losses.dropped(parameter, 'OpenAI decides itself what it caches');
}
