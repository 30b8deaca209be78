/** What OpenAI refuses in a chat completion request, in its own words; undefined: nothing. */
import { isObject, type Json, list, word } from './json.ts';

const TOP = new Set([
  'audio',
  'frequency_penalty',
  'function_call',
  'functions',
  'logit_bias',
  'logprobs',
  'max_completion_tokens',
  'max_tokens',
  'messages',
  'metadata',
  'modalities',
  'model',
  'moderation',
  'n',
  'parallel_tool_calls',
  'prediction',
  'presence_penalty',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'reasoning_effort',
  'response_format',
  'safety_identifier',
  'seed',
  'service_tier',
  'stop',
  'store',
  'stream',
  'stream_options',
  'temperature',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'user',
  'verbosity',
  'web_search_options',
]);
/** Content parts by role; roles that are missing take text alone. */
const PARTS: Readonly<Record<string, ReadonlySet<string>>> = {
  user: new Set(['text', 'image_url', 'input_audio', 'file']),
  assistant: new Set(['text', 'refusal']),
};
const TEXT = new Set(['text']);
const ROLES = new Set(['system', 'developer', 'user', 'assistant', 'tool']);
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

export function checkChatRequest(body: unknown): string | undefined {
  if (!isObject(body)) return 'We could not parse the JSON body of your request.';
  const unknown = Object.keys(body).find((name) => !TOP.has(name));
  if (unknown !== undefined) return `Unrecognized request argument supplied: ${unknown}`;
  if (typeof body.model !== 'string') return 'you must provide a model parameter';
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    return "Invalid 'messages': empty array. Expected an array with minimum length 1.";
  }
  return checkTools(body) ?? checkMessages(list(body.messages)) ?? checkRest(body);
}

function checkRest(body: Json): string | undefined {
  if (body.stream_options !== undefined && body.stream !== true) {
    return "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
  }
  if (body.top_logprobs !== undefined && body.logprobs !== true) {
    return "Invalid request: 'top_logprobs' needs 'logprobs' to be true.";
  }
  if (body.max_tokens !== undefined && body.max_completion_tokens !== undefined) {
    return "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
  }
  if (body.parallel_tool_calls !== undefined && body.tools === undefined) {
    return "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.";
  }
  const format = body.response_format;
  const schema = isObject(format) && format.type === 'json_schema' ? format.json_schema : undefined;
  if (schema !== undefined && !(isObject(schema) && NAME.test(word(schema.name)))) {
    return "Invalid 'response_format.json_schema.name'.";
  }
  return undefined;
}

function checkTools({ tools, tool_choice: choice }: Json): string | undefined {
  if (choice !== undefined && tools === undefined)
    return "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.";
  if (tools !== undefined && list(tools).length === 0) return "Invalid 'tools': empty array.";
  for (const [index, tool] of list(tools).entries()) {
    const body = tool[word(tool.type)];
    if (!isObject(body) || !NAME.test(word(body.name))) return `Invalid 'tools[${index}]'.`;
  }
  if (!isObject(choice)) return undefined;
  const named = choice[word(choice.type)];
  const known = list(tools).some((tool) => {
    const body = tool[word(tool.type)];
    return isObject(body) && isObject(named) && body.name === named.name;
  });
  return known || choice.type === 'allowed_tools' ? undefined : "Tool choice not found in 'tools' parameter.";
}

function checkMessages(messages: readonly Json[]): string | undefined {
  const open = new Set<unknown>();
  for (const [index, message] of messages.entries()) {
    const { role } = message;
    if (!ROLES.has(word(role))) return `Invalid value: '${word(role)}' for messages[${index}].role.`;
    if (role === 'tool') {
      if (!open.delete(message.tool_call_id)) {
        return "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.";
      }
    } else if (open.size > 0) {
      return "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.";
    }
    const wrong = checkContent(message, index) ?? checkCalls(message, index, open);
    if (wrong !== undefined) return wrong;
  }
  return open.size > 0
    ? "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
    : undefined;
}

function checkCalls(message: Json, index: number, open: Set<unknown>): string | undefined {
  for (const call of list(message.tool_calls)) {
    const body = call[word(call.type)];
    const id = word(call.id);
    if (!isObject(body) || !NAME.test(word(body.name))) return `Invalid 'messages[${index}].tool_calls'.`;
    if (id === '' || id.length > 40) return `Invalid 'messages[${index}].tool_calls[].id': string too long.`;
    if (typeof (body.arguments ?? body.input) !== 'string')
      return `Invalid type for 'messages[${index}].tool_calls[].function.arguments'.`;
    open.add(call.id);
  }
  return undefined;
}

function checkContent(
  { role, content, tool_calls: calls, refusal }: Json,
  index: number,
): string | undefined {
  if (typeof content === 'string') return undefined;
  if (content === null || content === undefined) {
    const optional = role === 'assistant' && (calls !== undefined || refusal !== undefined);
    return optional
      ? undefined
      : `Invalid value for 'content': expected a string, got null (messages[${index}]).`;
  }
  if (!Array.isArray(content) || content.length === 0)
    return `Invalid type for 'messages[${index}].content'.`;
  const allowed = PARTS[word(role)] ?? TEXT;
  for (const part of list(content)) {
    if (!allowed.has(word(part.type)))
      return `Invalid value: '${word(part.type)}' in messages[${index}].content.`;
    const image = isObject(part.image_url) ? word(part.image_url.url) : '';
    if (part.type === 'image_url' && !/^(https?:\/\/|data:image\/[a-z+.-]+;base64,)/.test(image))
      return 'Invalid image.';
    const file = isObject(part.file) ? part.file : {};
    if (
      part.type === 'file' &&
      file.file_id === undefined &&
      !/^data:[^,;]+;base64,/.test(word(file.file_data))
    ) {
      return `Invalid file data in messages[${index}].content.`;
    }
  }
  return undefined;
}
