/** What Cohere refuses in a request to its chat, in its own words; undefined: nothing. */
import type { Json } from './json.ts';
import { refusalOf, refuse as refuseAs } from './refusal.ts';

const TOP = new Set([
  'model',
  'messages',
  'tools',
  'strict_tools',
  'documents',
  'citation_options',
  'response_format',
  'safety_mode',
  'max_tokens',
  'stop_sequences',
  'temperature',
  'seed',
  'frequency_penalty',
  'presence_penalty',
  'k',
  'p',
  'logprobs',
  'tool_choice',
  'thinking',
  'priority',
  'stream',
]);

export function checkCohereRequest(body: Json): string | undefined {
  return refusalOf(() => check(body));
}

function refuse(message: string): never {
  refuseAs(`invalid request: ${message}`);
}

function check(body: Json): void {
  known(body, TOP, 'request');
  if (typeof body.model !== 'string') refuse('model is required');
  const messages = body.messages as Json[] | undefined;
  if (!messages?.length) refuse('messages must have at least one element');
  let open = new Set<string>();
  messages.forEach((message, at) => {
    const { role } = message;
    if (role !== 'tool' && open.size > 0)
      refuse(`missing tool messages for tool_call_ids: ${[...open].join(', ')}`);
    if (role === 'tool') {
      const id = String(message.tool_call_id);
      if (!open.delete(id)) refuse(`tool message at position ${at} does not match a tool call: ${id}`);
      if (typeof message.content !== 'string') refuse('tool message content');
      return;
    }
    if (role === 'assistant') open = checkAnswer(message);
    else if (role === 'user' || role === 'system') checkContent(message.content, role);
    else refuse(`role ${String(role)}`);
  });
  if (messages.every(({ role }) => role === 'system')) refuse('at least one user message');
  checkTools(body);
  range(body, 'k', 0, 500);
  range(body, 'p', 0.01, 0.99);
  range(body, 'frequency_penalty', 0, 1);
  range(body, 'presence_penalty', 0, 1);
  if (((body.stop_sequences ?? []) as string[]).length > 5) refuse('too many stop_sequences');
  const format = body.response_format as Json | undefined;
  if (format && body.tools) refuse('response_format is not supported with tools');
  if (format) known(format, new Set(['type', 'json_schema']), 'response_format');
  const thinking = body.thinking as Json | undefined;
  if (thinking) {
    known(thinking, new Set(['type', 'token_budget']), 'thinking');
    if (body.model.startsWith('command-r')) refuse('thinking is not supported by this model');
  }
}

function checkAnswer(message: Json): Set<string> {
  known(message, new Set(['role', 'content', 'tool_plan', 'tool_calls', 'citations']), 'assistant message');
  const calls = (message.tool_calls ?? []) as {
    id: string;
    type: string;
    function: { name: string; arguments: string };
  }[];
  if (message.content === undefined && calls.length === 0)
    refuse('assistant message must have content or tool_calls');
  if (message.content !== undefined) checkContent(message.content, 'assistant');
  for (const call of calls) {
    if (call.type !== 'function' || !call.id) refuse('tool_calls need an id and the type function');
    const parsed: unknown = JSON.parse(call.function.arguments);
    if (typeof parsed !== 'object' || parsed === null) refuse('arguments must be a JSON object string');
  }
  return new Set(calls.map(({ id }) => id));
}

function checkContent(content: unknown, role: string): void {
  if (typeof content === 'string') {
    if (content === '') refuse(`empty ${role} message`);
    return;
  }
  if (!Array.isArray(content) || content.length === 0) refuse(`content of the ${role} message`);
  for (const part of content as Json[]) {
    const fits =
      (part.type === 'text' && typeof part.text === 'string') ||
      (role === 'user' &&
        part.type === 'image_url' &&
        typeof (part.image_url as Json | undefined)?.url === 'string') ||
      (role === 'assistant' && part.type === 'thinking' && typeof part.thinking === 'string');
    if (!fits) refuse(`content part ${String(part.type)} of the ${role} message`);
  }
}

function checkTools(body: Json): void {
  const names = new Set<string>();
  for (const tool of (body.tools ?? []) as Json[]) {
    const inner = tool.function as Json | undefined;
    if (tool.type !== 'function' || typeof inner?.name !== 'string')
      refuse('tools need a function with a name');
    known(inner, new Set(['name', 'description', 'parameters']), 'function');
    if (typeof inner.parameters !== 'object' || inner.parameters === null)
      refuse('tool parameters are required');
    if (names.has(inner.name)) refuse(`duplicate tool ${inner.name}`);
    names.add(inner.name);
  }
  if (body.tools !== undefined && names.size === 0) refuse('tools must have at least one element');
  if (body.tool_choice === undefined) return;
  if (body.tool_choice !== 'REQUIRED' && body.tool_choice !== 'NONE')
    refuse('tool_choice must be REQUIRED or NONE');
  if (names.size === 0) refuse('tool_choice requires tools');
}

function range(body: Json, name: string, least: number, most: number): void {
  const value = body[name] as number | undefined;
  if (value !== undefined && !(value >= least && value <= most))
    refuse(`${name} must be from ${least} to ${most}`);
}

function known(value: Json, names: ReadonlySet<string>, path: string): void {
  const unknown = Object.keys(value).find((name) => !names.has(name));
  if (unknown !== undefined) refuse(`unknown field: parameter '${unknown}' of ${path} is not a valid field`);
}
