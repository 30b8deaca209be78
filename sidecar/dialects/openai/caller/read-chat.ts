/** The body of `POST /v1/chat/completions` as a canonical request. */
import { emptyRequest } from '../../canonical/empty-request.ts';
import type { ChatRequest } from '../../canonical/request.ts';
import {
  expectText,
  optionalBoolean,
  optionalInteger,
  optionalNumber,
  optionalObject,
  optionalText,
  unexpected,
} from '../../json/expect.ts';
import { type JsonNode, readJson } from '../../json/tape.ts';
import { readMessages } from './read-messages.ts';
import {
  readFunctionChoice,
  readFunctions,
  readResponseFormat,
  readToolChoice,
  readTools,
} from './read-tools.ts';

/** Members that only make sense together with others. */
interface Draft {
  request: ChatRequest;
  toolChoice: JsonNode | undefined;
  functionChoice: JsonNode | undefined;
  logprobs: boolean;
  topLogprobs: number;
  safetyIdentifier: string | undefined;
}

type Read = (node: JsonNode, draft: Draft, name: string) => void;

const number =
  (key: 'temperature' | 'topP' | 'topK' | 'presencePenalty' | 'frequencyPenalty'): Read =>
  (node, { request }, name) =>
    void (request[key] = optionalNumber(node, name));

const text =
  (key: 'verbosity' | 'user' | 'serviceTier'): Read =>
  (node, { request }, name) =>
    void (request[key] = optionalText(node, name));

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['model', () => {}],
  ['messages', (node, { request }) => readMessages(node, request)],
  ['tools', (node, { request }) => readTools(node, request)],
  ['tool_choice', (node, draft) => void (draft.toolChoice = node)],
  ['functions', (node, { request }) => readFunctions(node, request)],
  ['function_call', (node, draft) => void (draft.functionChoice = node)],
  [
    'parallel_tool_calls',
    (node, { request }, name) => void (request.parallelToolCalls = optionalBoolean(node, name)),
  ],
  ['response_format', (node, { request }) => readResponseFormat(node, request)],
  [
    'max_completion_tokens',
    (node, { request }, name) => void (request.maxOutputTokens = readCap(node, name)),
  ],
  ['max_tokens', (node, { request }, name) => void (request.maxOutputTokens ??= readCap(node, name))],
  ['temperature', number('temperature')],
  ['top_p', number('topP')],
  ['top_k', number('topK')],
  ['presence_penalty', number('presencePenalty')],
  ['frequency_penalty', number('frequencyPenalty')],
  ['seed', (node, { request }, name) => void (request.seed = optionalInteger(node, name))],
  ['stop', (node, { request }) => void (request.stop = readStop(node))],
  ['logit_bias', (node, { request }, name) => void (request.logitBias = optionalObject(node, name))],
  ['logprobs', (node, draft, name) => void (draft.logprobs = optionalBoolean(node, name) ?? false)],
  ['top_logprobs', (node, draft, name) => void (draft.topLogprobs = optionalInteger(node, name) ?? 0)],
  ['n', (node, { request }, name) => void (request.choices = optionalInteger(node, name) ?? 1)],
  ['reasoning_effort', readEffort],
  ['verbosity', text('verbosity')],
  ['user', text('user')],
  ['safety_identifier', (node, draft, name) => void (draft.safetyIdentifier = optionalText(node, name))],
  ['service_tier', text('serviceTier')],
  ['metadata', (node, { request }, name) => void (request.metadata = optionalObject(node, name))],
  ['stream', (node, { request }, name) => void (request.stream = optionalBoolean(node, name) ?? false)],
  [
    'stream_options',
    (node, { request }) => void (request.includeUsage = node.at('include_usage')?.boolean ?? false),
  ],
  ['modalities', readModalities],
  ['web_search_options', readWebSearch],
  [
    // Asking for nothing to be kept is what every other vendor does anyway.
    'store',
    (node, { request }, name) => {
      if (optionalBoolean(node, name)) request.unknown.push({ name, value: node.raw });
    },
  ],
]);

export function readChat(body: Buffer): ChatRequest {
  const request = emptyRequest();
  request.source = body;
  const draft: Draft = {
    request,
    toolChoice: undefined,
    functionChoice: undefined,
    logprobs: false,
    topLogprobs: 0,
    safetyIdentifier: undefined,
  };
  for (const [name, node] of readJson(body).members()) {
    const read = READERS.get(name);
    if (read) read(node, draft, name);
    else if (!node.isNull) request.unknown.push({ name, value: node.raw });
  }
  // These look at the tools, which may stand behind them.
  if (draft.toolChoice) readToolChoice(draft.toolChoice, request);
  else if (draft.functionChoice) readFunctionChoice(draft.functionChoice, request);
  if (draft.logprobs) request.logprobs = { top: draft.topLogprobs };
  if (draft.safetyIdentifier !== undefined) {
    if (request.user === undefined) request.user = draft.safetyIdentifier;
    else request.unknown.push({ name: 'safety_identifier', value: JSON.stringify(draft.safetyIdentifier) });
  }
  return request;
}

/** Some servers take -1 for "none". */
function readCap(node: JsonNode, name: string): number | undefined {
  const cap = optionalInteger(node, name);
  return cap === undefined || cap < 0 ? undefined : cap;
}

function readStop(node: JsonNode): string[] {
  if (node.isNull) return [];
  if (!node.isArray) return [expectText(node, 'stop')];
  return Array.from(node.elements(), (element, i) => expectText(element, `stop[${i}]`));
}

function readEffort(node: JsonNode, { request }: Draft, name: string): void {
  const effort = optionalText(node, name);
  if (effort === undefined) return;
  const mode = effort === 'none' ? 'Off' : 'On';
  request.reasoning = { mode, effort, budgetTokens: undefined, show: undefined };
}

function readModalities(node: JsonNode, { request }: Draft): void {
  if (node.isNull) return;
  if (!node.isArray) unexpected(node, 'modalities', 'an array');
  for (const element of node.elements()) {
    if (element.text !== 'text')
      request.untranslatable ??= 'output other than text is asked for (modalities)';
  }
}

function readWebSearch(node: JsonNode, { request }: Draft): void {
  if (node.isNull) return;
  request.tools.push({
    type: 'Server',
    name: 'web_search',
    description: undefined,
    schema: undefined,
    strict: undefined,
    native: { vendor: 'openai', json: `{"type":"web_search_options","web_search_options":${node.raw}}` },
  });
}
