/** The body of `POST /v1/responses` as a canonical request. Only stateless requests come here: the rest is pinned. */
import { emptyRequest } from '../../canonical/empty-request.ts';
import type { ChatRequest } from '../../canonical/request.ts';
import {
  expectSaid,
  optionalBoolean,
  optionalInteger,
  optionalNumber,
  optionalObject,
  optionalText,
} from '../../json/expect.ts';
import type { Said } from '../../json/said.ts';
import { type JsonNode, readJson } from '../../json/tape.ts';
import { readSchema, readToolChoice, readTools } from '../../openai/caller/read-tools.ts';
import { readInput } from './read-input.ts';

/** Members that only make sense together with others. */
interface Draft {
  request: ChatRequest;
  toolChoice: JsonNode | undefined;
  instructions: Said | undefined;
  topLogprobs: number | undefined;
  include: string[];
  safetyIdentifier: string | undefined;
}

type Read = (node: JsonNode, draft: Draft, name: string) => void;

const ignore: Read = () => {};

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['model', ignore],
  ['input', (node, { request }) => readInput(node, request)],
  [
    'instructions',
    (node, draft, name) => void (draft.instructions = node.isNull ? undefined : expectSaid(node, name)),
  ],
  ['tools', (node, { request }) => readTools(node, request)],
  ['tool_choice', (node, draft) => void (draft.toolChoice = node)],
  [
    'parallel_tool_calls',
    (node, { request }, name) => void (request.parallelToolCalls = optionalBoolean(node, name)),
  ],
  [
    'max_output_tokens',
    (node, { request }, name) => void (request.maxOutputTokens = optionalInteger(node, name)),
  ],
  ['temperature', (node, { request }, name) => void (request.temperature = optionalNumber(node, name))],
  ['top_p', (node, { request }, name) => void (request.topP = optionalNumber(node, name))],
  ['top_logprobs', (node, draft, name) => void (draft.topLogprobs = optionalInteger(node, name))],
  ['include', (node, draft) => void (draft.include = Array.from(node.elements(), ({ text }) => text ?? ''))],
  ['text', readText],
  ['reasoning', readReasoning],
  ['user', (node, { request }, name) => void (request.user = optionalText(node, name))],
  ['safety_identifier', (node, draft, name) => void (draft.safetyIdentifier = optionalText(node, name))],
  ['service_tier', (node, { request }, name) => void (request.serviceTier = optionalText(node, name))],
  ['metadata', (node, { request }, name) => void (request.metadata = optionalObject(node, name))],
  ['stream', (node, { request }, name) => void (request.stream = optionalBoolean(node, name) ?? false)],
  // Padding against traffic analysis, for OpenAI's own network.
  ['stream_options', ignore],
  [
    // Left out it is on, which is no wish for it; asked for, it is lost: no other vendor keeps anything.
    'store',
    (node, { request }, name) => {
      if (optionalBoolean(node, name)) request.unknown.push({ name, value: node.raw });
    },
  ],
  ['background', ignore],
  [
    'truncation',
    (node, { request }, name) => {
      if (node.text === 'auto') request.unknown.push({ name, value: node.raw });
    },
  ],
]);

export function readChat(body: Buffer): ChatRequest {
  const request = emptyRequest();
  request.source = body;
  const draft: Draft = {
    request,
    toolChoice: undefined,
    instructions: undefined,
    topLogprobs: undefined,
    include: [],
    safetyIdentifier: undefined,
  };
  for (const [name, node] of readJson(body).members()) {
    const read = READERS.get(name);
    if (read) read(node, draft, name);
    else if (!node.isNull) request.unknown.push({ name, value: node.raw });
  }
  if (draft.instructions !== undefined) {
    request.turns.unshift({ role: 'system', blocks: [{ type: 'Text', text: draft.instructions }] });
  }
  // It looks at the tools, which may stand behind it.
  if (draft.toolChoice) readToolChoice(draft.toolChoice, request);
  if (draft.topLogprobs !== undefined || draft.include.includes('message.output_text.logprobs')) {
    request.logprobs = { top: draft.topLogprobs ?? 0 };
  }
  if (draft.safetyIdentifier !== undefined) {
    if (request.user === undefined) request.user = draft.safetyIdentifier;
    else request.unknown.push({ name: 'safety_identifier', value: JSON.stringify(draft.safetyIdentifier) });
  }
  request.includeUsage = true;
  return request;
}

function readText(node: JsonNode, { request }: Draft): void {
  const verbosity = node.at('verbosity');
  if (verbosity) request.verbosity = optionalText(verbosity, 'text.verbosity');
  const format = node.at('format');
  const type = format?.at('type')?.text;
  if (!format || type === undefined) return;
  if (type === 'text') request.output = { type: 'Text' };
  else if (type === 'json_object') request.output = { type: 'JSONObject' };
  else if (type === 'json_schema') readSchema(format, 'text.format', request);
  else request.unknown.push({ name: 'text.format', value: format.raw });
}

/** An effort, a summary, or both; an empty object asks for nothing. */
function readReasoning(node: JsonNode, { request }: Draft): void {
  const effort = node.at('effort')?.text;
  const summary = node.at('summary') ?? node.at('generate_summary');
  if (effort === undefined && summary === undefined) return;
  const mode = effort === 'none' ? 'Off' : effort === undefined ? 'Adaptive' : 'On';
  request.reasoning = {
    mode,
    effort,
    budgetTokens: undefined,
    show: summary === undefined ? undefined : true,
  };
}
