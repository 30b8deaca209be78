/** What OpenAI Responses refuse in a request, in their own words; undefined: nothing. */
import { isObject, type Json, list, word } from './json.ts';

export interface Refusal {
  message: string;
  param: string | null;
  code: string | null;
}

const TOP = new Set([
  'background',
  'context_management',
  'conversation',
  'include',
  'input',
  'instructions',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'model',
  'moderation',
  'parallel_tool_calls',
  'previous_response_id',
  'prompt',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'store',
  'stream',
  'stream_options',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'truncation',
  'user',
]);
const INCLUDE = new Set([
  'code_interpreter_call.outputs',
  'computer_call_output.output.image_url',
  'file_search_call.results',
  'message.input_image.image_url',
  'message.output_text.logprobs',
  'reasoning.encrypted_content',
  'web_search_call.action.sources',
  'web_search_call.results',
]);
const EFFORTS = new Set(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']);
const TIERS = new Set(['auto', 'default', 'fast', 'flex', 'priority', 'scale']);
const ASKED_PARTS = new Set(['input_text', 'input_image', 'input_file', 'input_audio']);
const SAID_PARTS = new Set(['output_text', 'refusal']);
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

const refuse = (message: string, param: string | null, code: string | null = null): Refusal => ({
  message,
  param,
  code,
});
const invalid = (param: string, value: unknown): Refusal =>
  refuse(`Invalid value: '${word(value)}'.`, param, 'invalid_value');

export function checkResponsesRequest(body: unknown): Refusal | undefined {
  if (!isObject(body)) return refuse('We could not parse the JSON body of your request.', null);
  const unknown = Object.keys(body).find((name) => !TOP.has(name));
  if (unknown !== undefined) return refuse(`Unknown parameter: '${unknown}'.`, unknown, 'unknown_parameter');
  if (typeof body.model !== 'string') {
    return refuse("Missing required parameter: 'model'.", 'model', 'missing_required_parameter');
  }
  return checkParameters(body) ?? checkTools(body) ?? checkInput(body);
}

function checkParameters(body: Json): Refusal | undefined {
  const { max_output_tokens: cap, temperature, top_logprobs: top, text, reasoning, metadata } = body;
  if (cap !== undefined && cap !== null && !(Number.isInteger(cap) && (cap as number) >= 16)) {
    return refuse(
      `Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got ${word(cap)} instead.`,
      'max_output_tokens',
      'integer_below_min_value',
    );
  }
  if (temperature !== undefined && temperature !== null && !between(temperature, 0, 2))
    return invalid('temperature', temperature);
  if (top !== undefined && top !== null && !between(top, 0, 20)) return invalid('top_logprobs', top);
  const wrong = list(body.include).find((entry) => !INCLUDE.has(entry as unknown as string));
  if (wrong !== undefined) return invalid('include', wrong);
  if (body.service_tier != null && !TIERS.has(body.service_tier as string))
    return invalid('service_tier', body.service_tier);
  if (isObject(reasoning) && reasoning.effort != null && !EFFORTS.has(reasoning.effort as string)) {
    return invalid('reasoning.effort', reasoning.effort);
  }
  if (isObject(metadata) && Object.values(metadata).some((value) => typeof value !== 'string'))
    return invalid('metadata', metadata);
  const format = isObject(text) ? text.format : undefined;
  if (
    isObject(format) &&
    format.type === 'json_schema' &&
    !(typeof format.name === 'string' && isObject(format.schema))
  ) {
    return refuse(
      "Missing required parameter: 'text.format.schema'.",
      'text.format',
      'missing_required_parameter',
    );
  }
  return undefined;
}

const between = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && value >= least && value <= most;

function checkTools({ tools, tool_choice: choice }: Json): Refusal | undefined {
  for (const [index, tool] of list(tools).entries()) {
    if (tool.type !== 'function' && tool.type !== 'custom') continue;
    if (typeof tool.name !== 'string' || !NAME.test(tool.name))
      return invalid(`tools[${index}].name`, tool.name);
    if (tool.type === 'function' && !isObject(tool.parameters))
      return invalid(`tools[${index}].parameters`, tool.parameters);
    if (tool.function !== undefined || tool.custom !== undefined) {
      return refuse(`Unknown parameter: 'tools[${index}].function'.`, `tools[${index}]`, 'unknown_parameter');
    }
  }
  if (isObject(choice) && (choice.type === 'function' || choice.type === 'custom')) {
    if (!list(tools).some(({ name }) => name === choice.name)) return invalid('tool_choice', choice);
  }
  return undefined;
}

function checkInput(body: Json): Refusal | undefined {
  const { input } = body;
  if (typeof input === 'string') return undefined;
  if (!Array.isArray(input)) {
    return body.previous_response_id != null || body.prompt != null
      ? undefined
      : refuse("Missing required parameter: 'input'.", 'input', 'missing_required_parameter');
  }
  const calls = new Set<unknown>();
  for (const [index, item] of list(input).entries()) {
    const wrong = checkItem(item, `input[${index}]`, calls, body.previous_response_id != null);
    if (wrong) return wrong;
  }
  const [open] = calls;
  return open === undefined
    ? undefined
    : refuse(`No tool output found for function call ${word(open)}.`, 'input');
}

function checkItem(item: Json, path: string, calls: Set<unknown>, continued: boolean): Refusal | undefined {
  switch (item.type ?? 'message') {
    case 'message':
      return checkMessage(item, path);
    case 'function_call':
      if (typeof item.arguments !== 'string') return invalid(`${path}.arguments`, item.arguments);
      return openCall(item, path, calls);
    case 'custom_tool_call':
      if (typeof item.input !== 'string') return invalid(`${path}.input`, item.input);
      return openCall(item, path, calls);
    case 'function_call_output':
    case 'custom_tool_call_output':
      if (!calls.delete(item.call_id) && !continued) {
        return refuse(
          `No tool call found for function call output with call_id ${word(item.call_id)}.`,
          'input',
        );
      }
      return typeof item.output === 'string'
        ? undefined
        : checkParts(item.output, ASKED_PARTS, `${path}.output`);
    case 'reasoning':
      return Array.isArray(item.summary) ? undefined : invalid(`${path}.summary`, item.summary);
    case 'item_reference':
      return undefined;
    default:
      return invalid(`${path}.type`, item.type);
  }
}

function openCall(item: Json, path: string, calls: Set<unknown>): Refusal | undefined {
  const { call_id: id, name } = item;
  if (typeof id !== 'string' || id.length > 64) return invalid(`${path}.call_id`, id);
  if (typeof name !== 'string' || !NAME.test(name)) return invalid(`${path}.name`, name);
  calls.add(id);
  return undefined;
}

function checkMessage(item: Json, path: string): Refusal | undefined {
  const { role, content } = item;
  if (!['user', 'assistant', 'system', 'developer'].includes(role as string))
    return invalid(`${path}.role`, role);
  if (typeof content === 'string') return undefined;
  return checkParts(content, role === 'assistant' ? SAID_PARTS : ASKED_PARTS, `${path}.content`);
}

function checkParts(parts: unknown, allowed: ReadonlySet<string>, path: string): Refusal | undefined {
  if (!Array.isArray(parts)) return invalid(path, parts);
  for (const [index, part] of list(parts).entries()) {
    const at = `${path}[${index}]`;
    if (!allowed.has(part.type as string)) return invalid(at, part.type);
    const image = part.type === 'input_image' && (part.image_url ?? part.file_id);
    if (part.type === 'input_image' && !/^(https?:\/\/|data:image\/|file-)/.test(String(image))) {
      return refuse('Invalid image URL.', `${at}.image_url`, 'invalid_image_url');
    }
    if (
      part.type === 'input_file' &&
      part.file_data !== undefined &&
      !/^data:[^,]+;base64,/.test(word(part.file_data))
    ) {
      return invalid(`${at}.file_data`, 'not a data URL');
    }
    if (part.type?.toString().endsWith('text') && typeof part.text !== 'string')
      return invalid(`${at}.text`, part.text);
  }
  return undefined;
}
