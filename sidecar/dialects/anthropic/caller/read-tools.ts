/** `tools`, `tool_choice` and `mcp_servers` of a request. */
import type { ChatRequest, Tool } from '../../canonical/request.ts';
import { expectText, optionalBoolean, optionalText, unexpected } from '../../json/expect.ts';
import type { JsonNode } from '../../json/tape.ts';
import { readCache } from '../cache-control.ts';
import { isFunction } from '../tool-types.ts';

const READ: ReadonlySet<string> = new Set([
  'type',
  'name',
  'description',
  'input_schema',
  'strict',
  'cache_control',
]);

export function readTools(node: JsonNode, request: ChatRequest, name: string): void {
  if (node.isNull) return;
  if (!node.isArray) unexpected(node, name, 'an array of tools');
  let index = 0;
  for (const tool of node.elements()) request.tools.push(readTool(tool, `tools[${index++}]`, request));
}

/** Tools of Anthropic's own, wherever they run: no other vendor's model knows them, and they come without a schema. */
function readTool(node: JsonNode, path: string, request: ChatRequest): Tool {
  const type = node.at('type')?.text;
  const named = node.at('name');
  const tool: Tool = {
    type: 'Server',
    name: named ? expectText(named, `${path}.name`) : (type ?? ''),
    description: undefined,
    schema: undefined,
    strict: undefined,
    cache: readCache(node.at('cache_control')),
  };
  if (!isFunction(type)) {
    tool.native = { vendor: 'anthropic', json: node.raw };
    return tool;
  }
  const schema = node.at('input_schema');
  if (tool.name === '') unexpected(node, path, 'a tool with a name');
  if (schema && !schema.isObject) unexpected(schema, `${path}.input_schema`, 'an object');
  tool.type = 'Function';
  tool.schema = schema?.raw;
  for (const [member, value] of node.members()) {
    if (value.isNull) continue;
    if (member === 'description') tool.description = optionalText(value, `${path}.description`);
    else if (member === 'strict') tool.strict = optionalBoolean(value, `${path}.strict`);
    else if (!READ.has(member)) lose(request, `tools[].${member}`, value);
  }
  return tool;
}

function lose({ unknown }: ChatRequest, name: string, value: JsonNode): void {
  if (!unknown.some((known) => known.name === name)) unknown.push({ name, value: value.raw });
}

export function readToolChoice(node: JsonNode, request: ChatRequest, name: string): void {
  if (node.isNull) return;
  switch (node.at('type')?.text) {
    case 'auto':
      request.toolChoice = { type: 'Auto' };
      break;
    case 'any':
      request.toolChoice = { type: 'Required' };
      break;
    case 'none':
      request.toolChoice = { type: 'None' };
      break;
    case 'tool':
      request.toolChoice = { type: 'Tool', name: expectText(node.get('name') ?? node, `${name}.name`) };
      break;
    default:
      unexpected(node, name, 'an object of type auto, any, tool or none');
  }
  const disable = node.get('disable_parallel_tool_use');
  if (disable && optionalBoolean(disable, `${name}.disable_parallel_tool_use`))
    request.parallelToolCalls = false;
}

/** Servers whose tools the vendor calls. */
export function readServers(node: JsonNode, request: ChatRequest): void {
  for (const server of node.elements()) {
    request.tools.push({
      type: 'Server',
      name: `mcp_servers: ${server.at('name')?.text ?? ''}`,
      description: undefined,
      schema: undefined,
      strict: undefined,
      native: { vendor: 'anthropic', json: server.raw },
    });
  }
}
