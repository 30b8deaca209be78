/** The body of `POST /v1/messages` as a canonical request. */
import { emptyRequest } from '../../canonical/empty-request.ts';
import type { ChatRequest, Reasoning } from '../../canonical/request.ts';
import {
  expectText,
  optionalBoolean,
  optionalInteger,
  optionalNumber,
  optionalText,
  unexpected,
} from '../../json/expect.ts';
import { type JsonNode, readJson } from '../../json/tape.ts';
import { readCache } from '../cache-control.ts';
import { markLast, readMessages, readSystem } from './read-messages.ts';
import { readServers, readToolChoice, readTools } from './read-tools.ts';

type Read = (node: JsonNode, request: ChatRequest, name: string) => void;

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['model', () => {}],
  ['system', readSystem],
  ['messages', readMessages],
  ['tools', readTools],
  ['tool_choice', readToolChoice],
  ['mcp_servers', readServers],
  ['max_tokens', (node, request, name) => void (request.maxOutputTokens = optionalInteger(node, name))],
  ['temperature', (node, request, name) => void (request.temperature = optionalNumber(node, name))],
  ['top_p', (node, request, name) => void (request.topP = optionalNumber(node, name))],
  ['top_k', (node, request, name) => void (request.topK = optionalInteger(node, name))],
  ['stop_sequences', readStop],
  ['stream', (node, request, name) => void (request.stream = optionalBoolean(node, name) ?? false)],
  ['thinking', readThinking],
  ['output_config', readOutputConfig],
  ['output_format', readFormat],
  ['metadata', readMetadata],
  ['service_tier', readServiceTier],
  ['container', readState],
  ['thread', readState],
]);

export function readChat(body: Buffer): ChatRequest {
  const request = emptyRequest();
  request.source = body;
  // Streams of this API always carry usage.
  request.includeUsage = true;
  let cache: JsonNode | undefined;
  for (const [name, node] of readJson(body).members()) {
    const read = READERS.get(name);
    if (read) read(node, request, name);
    else if (name === 'cache_control') cache = node;
    else if (!node.isNull) request.unknown.push({ name, value: node.raw });
  }
  const mark = readCache(cache);
  if (mark) markLast(request.turns, mark);
  return request;
}

function readStop(node: JsonNode, request: ChatRequest, name: string): void {
  if (node.isNull) return;
  if (!node.isArray) unexpected(node, name, 'an array of strings');
  request.stop = Array.from(node.elements(), (element, i) => expectText(element, `${name}[${i}]`));
}

function readThinking(node: JsonNode, request: ChatRequest, name: string): void {
  if (node.isNull) return;
  const reasoning = ensureReasoning(request);
  switch (node.at('type')?.text) {
    case 'enabled':
      reasoning.mode = 'On';
      break;
    case 'disabled':
      reasoning.mode = 'Off';
      break;
    // Between the calls of tools only: how much is the model's to say.
    case 'between_tools':
    case 'adaptive':
      reasoning.mode = 'Adaptive';
      break;
    default:
      unexpected(node, name, 'an object of type enabled, adaptive or disabled');
  }
  const budget = node.get('budget_tokens');
  if (budget) reasoning.budgetTokens = optionalInteger(budget, `${name}.budget_tokens`);
  // Whoever turns thinking on here sees it, unless told otherwise.
  const display = node.at('display')?.text;
  if (display !== undefined || reasoning.mode === 'On') reasoning.show = display !== 'omitted';
}

function readOutputConfig(node: JsonNode, request: ChatRequest, name: string): void {
  for (const [member, value] of node.members()) {
    if (value.isNull) continue;
    const path = `${name}.${member}`;
    if (member === 'effort') ensureReasoning(request).effort = optionalText(value, path);
    else if (member === 'format') readFormat(value, request, path);
    else request.unknown.push({ name: path, value: value.raw });
  }
}

function readFormat(node: JsonNode, request: ChatRequest, name: string): void {
  if (node.isNull) return;
  const schema = node.at('schema');
  if (node.at('type')?.text !== 'json_schema' || !schema?.isObject) {
    unexpected(node, name, 'an object of type json_schema with a schema');
  }
  request.output = {
    type: 'JSONSchema',
    name: 'answer',
    description: undefined,
    schema: schema.raw,
    strict: true,
  };
}

/** Effort alone leaves it to the model whether it thinks. */
function ensureReasoning(request: ChatRequest): Reasoning {
  request.reasoning ??= { mode: 'Adaptive', effort: undefined, budgetTokens: undefined, show: undefined };
  return request.reasoning;
}

function readMetadata(node: JsonNode, request: ChatRequest, name: string): void {
  for (const [member, value] of node.members()) {
    if (member === 'user_id') request.user = optionalText(value, `${name}.user_id`);
    else if (!value.isNull) request.unknown.push({ name: `${name}.${member}`, value: value.raw });
  }
}

/** `standard_only` is what others call the default. */
function readServiceTier(node: JsonNode, request: ChatRequest, name: string): void {
  const tier = optionalText(node, name);
  request.serviceTier = tier === 'standard_only' ? 'default' : tier;
}

function readState(node: JsonNode, request: ChatRequest, name: string): void {
  if (!node.isNull) request.untranslatable ??= `it goes on with what Anthropic keeps (${name})`;
}
