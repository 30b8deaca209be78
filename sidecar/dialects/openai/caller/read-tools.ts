/** Tools, the choice among them, and the form of the answer, as chat requests say them. */
import type { ChatRequest, Tool, ToolChoice } from '../../canonical/request.ts';
import { expectText, optionalBoolean, optionalText, unexpected } from '../../json/expect.ts';
import type { JsonNode } from '../../json/tape.ts';
import { readCacheMark } from './read-parts.ts';

export function readTools(node: JsonNode, request: ChatRequest): void {
  if (node.isNull) return;
  if (!node.isArray) unexpected(node, 'tools', 'an array of tools');
  let index = 0;
  for (const tool of node.elements()) request.tools.push(readTool(tool, `tools[${index++}]`));
}

function readTool(node: JsonNode, path: string): Tool {
  const type = node.at('type')?.text;
  const body = node.at('function') ?? (type === 'function' ? node : undefined);
  if (body && (type === 'function' || type === undefined)) {
    return { ...readFunction(body, `${path}.function`), cache: readCacheMark(node) };
  }
  if (type === undefined) unexpected(node, path, 'a tool with a type');
  const named = (type === 'custom' ? node.at('custom') : undefined) ?? node;
  return {
    type: type === 'custom' ? 'Custom' : 'Server',
    name: named.at('name')?.text ?? type,
    description: named.at('description')?.text,
    schema: undefined,
    strict: undefined,
    native: { vendor: 'openai', json: node.raw },
  };
}

function readFunction(node: JsonNode, path: string): Tool {
  const name = node.at('name');
  if (!name) unexpected(node, path, 'a function with a name');
  const parameters = node.at('parameters');
  return {
    type: 'Function',
    name: expectText(name, `${path}.name`),
    description: node.at('description')?.text,
    schema: parameters?.raw,
    strict: node.at('strict')?.boolean,
  };
}

/** The form before tools: what is offered is answered in that form too. */
export function readFunctions(node: JsonNode, request: ChatRequest): void {
  if (node.isNull) return;
  if (!node.isArray) unexpected(node, 'functions', 'an array of functions');
  request.legacyFunctions = true;
  request.parallelToolCalls = false;
  let index = 0;
  for (const body of node.elements()) request.tools.push(readFunction(body, `functions[${index++}]`));
}

export function readFunctionChoice(node: JsonNode, request: ChatRequest): void {
  if (node.isNull) return;
  const name = node.at('name')?.text;
  request.toolChoice =
    name !== undefined
      ? { type: 'Tool', name }
      : (CHOICES.get(node.text ?? '') ??
        unexpected(node, 'function_call', '"none", "auto" or {"name": ...}'));
}

/** `any` is what Mistral says. */
const CHOICES: ReadonlyMap<string, ToolChoice> = new Map<string, ToolChoice>([
  ['none', { type: 'None' }],
  ['auto', { type: 'Auto' }],
  ['required', { type: 'Required' }],
  ['any', { type: 'Required' }],
]);

const EXPECTED = '"none", "auto", "required" or the name of a tool';

export function readToolChoice(node: JsonNode, request: ChatRequest): void {
  if (node.isNull) return;
  const word = node.text;
  if (word !== undefined) {
    request.toolChoice = CHOICES.get(word) ?? unexpected(node, 'tool_choice', EXPECTED);
    return;
  }
  const type = node.at('type')?.text;
  if (type === 'allowed_tools') {
    readAllowed(node.at('allowed_tools') ?? node, request);
    return;
  }
  const named = type === undefined ? undefined : node.at(type);
  const name = (named ?? node).at('name')?.text;
  if (name === undefined) unexpected(node, 'tool_choice', EXPECTED);
  request.toolChoice = { type: 'Tool', name };
}

/** The tools that may be called stay, the others go: to the model that is the same, though not to its prompt cache. */
function readAllowed(node: JsonNode, request: ChatRequest): void {
  const allowed = new Set<string>();
  for (const tool of node.at('tools')?.elements() ?? []) {
    const type = tool.at('type')?.text ?? 'function';
    const name = (tool.at(type) ?? tool).at('name')?.text ?? type;
    allowed.add(name);
  }
  request.tools = request.tools.filter(({ name }) => allowed.has(name));
  request.toolChoice = { type: node.at('mode')?.text === 'required' ? 'Required' : 'Auto' };
}

export function readResponseFormat(node: JsonNode, request: ChatRequest): void {
  if (node.isNull) return;
  const type = node.at('type')?.text;
  if (type === 'text') request.output = { type: 'Text' };
  else if (type === 'json_object') request.output = { type: 'JSONObject' };
  else if (type === 'json_schema') {
    const body = node.at('json_schema');
    if (!body) unexpected(node, 'response_format', 'of type json_schema with a json_schema');
    readSchema(body, 'response_format.json_schema', request);
  } else if (type === undefined) unexpected(node, 'response_format', 'an object with a type');
  else request.unknown.push({ name: 'response_format', value: node.raw });
}

/** `{name, description, schema, strict}`. */
export function readSchema(node: JsonNode, path: string, request: ChatRequest): void {
  const schema = node.at('schema');
  if (!schema?.isObject) unexpected(schema ?? node, `${path}.schema`, 'a JSON schema');
  const name = node.at('name');
  const strict = node.at('strict');
  const description = node.at('description');
  request.output = {
    type: 'JSONSchema',
    name: name ? expectText(name, `${path}.name`) : 'response',
    description: description && optionalText(description, `${path}.description`),
    schema: schema.raw,
    strict: strict && optionalBoolean(strict, `${path}.strict`),
  };
}
