/** What the Anthropic API refuses in a request, in its own words; undefined: nothing. */
import { checkMessages } from './anthropic-check-messages.ts';
import { checkSchema } from './anthropic-check-schema.ts';
import { isObject, type Json, list, word } from './json.ts';

const TOP = new Set([
  'model',
  'max_tokens',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'stop_sequences',
  'temperature',
  'top_p',
  'top_k',
  'metadata',
  'service_tier',
  'stream',
  'cache_control',
  'container',
  'inference_geo',
  'mcp_servers',
  'speed',
]);
const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const SERVER_TOOLS =
  /^(bash|text_editor|computer|memory|browser|web_search|web_fetch|code_execution|tool_search)_/;

/** Generation of a model: 4.06 for claude-opus-4-6, 0 for what is no Claude. */
export function generation(model: string): number {
  const match = /(?:^|[.-])(\d)(?:[-.](\d{1,2}))?(?=$|[-@:.])/.exec(model.replace(/\d{6,}.*/, ''));
  return match ? Number(match[1]) + Number(match[2] ?? 0) / 100 : 0;
}

/** `counting`: for count_tokens, which takes less and wants less. */
export function checkAnthropicRequest(body: unknown, counting = false): string | undefined {
  if (!isObject(body)) return 'The request body is not valid JSON.';
  const extra = Object.keys(body).find((name) => !TOP.has(name));
  if (extra !== undefined) return `${extra}: Extra inputs are not permitted`;
  if (typeof body.model !== 'string' || body.model === '') return 'model: Field required';
  if (!counting && !Number.isInteger(body.max_tokens)) return 'max_tokens: Field required';
  if (!counting && (body.max_tokens as number) < 0) return 'max_tokens: must be greater than or equal to 0';
  const version = generation(body.model);
  return (
    checkMessages(body, version) ??
    checkTools(body) ??
    checkThinking(body, version) ??
    checkSampling(body, version) ??
    checkOutput(body, version) ??
    checkRest(body)
  );
}

/** What version 2026-10-21 refuses besides. */
export function checkLatest(body: unknown): string | undefined {
  if (!isObject(body)) return undefined;
  const gone = ['temperature', 'top_p', 'top_k'].find((name) => body[name] !== undefined);
  if (gone !== undefined) return `${gone}: Extra inputs are not permitted`;
  for (const [index, { role, content }] of list(body.messages).entries()) {
    for (const [at, block] of list(content).entries()) {
      const path = `messages.${index}.content.${at}`;
      if (role === 'assistant' && block.type === 'document')
        return `${path}: Input tag 'document' does not match`;
      if (role === 'user' && list(block.citations).length > 0)
        return `${path}.text.citations: Extra inputs are not permitted`;
    }
  }
  return undefined;
}

function checkTools(body: Json): string | undefined {
  const names = new Set<unknown>();
  for (const [index, tool] of list(body.tools).entries()) {
    const path = `tools.${index}`;
    const type = tool.type ?? 'custom';
    if (type !== 'custom') {
      if (!SERVER_TOOLS.test(word(type)))
        return `${path}: Input tag '${word(type)}' found using 'type' does not match`;
      continue;
    }
    if (!NAME.test(word(tool.name)))
      return `${path}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`;
    if (names.has(tool.name)) return 'tools: Tool names must be unique.';
    names.add(tool.name);
    if (!isObject(tool.input_schema)) return `${path}.custom.input_schema: Field required`;
    if (tool.input_schema.type !== 'object')
      return `${path}.custom.input_schema.type: Input should be 'object'`;
    if (tool.strict === true) {
      const schema = checkSchema(tool.input_schema, `${path}.custom`);
      if (schema !== undefined) return schema;
    }
  }
  const choice = body.tool_choice;
  if (choice === undefined) return undefined;
  if (!isObject(choice) || !['auto', 'any', 'tool', 'none'].includes(word(choice.type))) {
    return "tool_choice: Input tag does not match any of the expected tags: 'auto', 'any', 'tool', 'none'";
  }
  if (list(body.tools).length === 0)
    return 'tool_choice: tool_choice may only be specified while providing tools.';
  if (choice.type === 'none' && choice.disable_parallel_tool_use !== undefined) {
    return 'tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted';
  }
  return choice.type === 'tool' && !names.has(choice.name)
    ? `Tool '${word(choice.name)}' not found in provided tools`
    : undefined;
}

function checkThinking(body: Json, version: number): string | undefined {
  const { thinking } = body;
  const always = /fable|mythos/.test(word(body.model));
  const forced = isObject(body.tool_choice) && ['any', 'tool'].includes(word(body.tool_choice.type));
  if (always && forced) return 'Thinking may not be enabled when tool_choice forces tool use.';
  if (thinking === undefined) return undefined;
  if (!isObject(thinking)) return 'thinking: Input should be a valid dictionary';
  switch (thinking.type) {
    case 'disabled':
      return always ? '"thinking.type.disabled" is not supported for this model.' : undefined;
    case 'adaptive':
      if (version < 4.06) return 'adaptive thinking is not supported on this model';
      break;
    case 'enabled': {
      const budget = thinking.budget_tokens;
      if (version >= 4.07) {
        return '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.';
      }
      if (version > 0 && version < 3.07) return 'thinking: this model does not support thinking';
      if (typeof budget !== 'number' || budget < 1024) {
        return 'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024';
      }
      if (typeof body.max_tokens === 'number' && budget >= body.max_tokens) {
        return '`max_tokens` must be greater than `thinking.budget_tokens`.';
      }
      break;
    }
    default:
      return "thinking: Input tag does not match any of the expected tags: 'disabled', 'enabled', 'adaptive'";
  }
  if (forced) return 'Thinking may not be enabled when tool_choice forces tool use.';
  if (body.temperature !== undefined && body.temperature !== 1) {
    return '`temperature` may only be set to 1 when thinking is enabled.';
  }
  return body.top_k === undefined ? undefined : '`top_k` must be unset when thinking is enabled.';
}

function checkSampling(body: Json, version: number): string | undefined {
  for (const name of ['temperature', 'top_p', 'top_k']) {
    const value = body[name];
    if (value === undefined) continue;
    if (version >= 4.07) return `${name}: this parameter is not supported for this model.`;
    if (typeof value !== 'number') return `${name}: Input should be a valid number`;
    if (name !== 'top_k' && (value < 0 || value > 1)) return `${name}: range: 0..1`;
  }
  return version >= 4.01 && body.temperature !== undefined && body.top_p !== undefined
    ? '`temperature` and `top_p` cannot both be specified for this model. Please use only one.'
    : undefined;
}

function checkOutput(body: Json, version: number): string | undefined {
  const config = body.output_config;
  if (config === undefined) return undefined;
  if (!isObject(config)) return 'output_config: Input should be a valid dictionary';
  const { effort, format } = config;
  if (effort !== undefined) {
    const opus = word(body.model).includes('opus');
    if (version < 4.05 || (version < 4.06 && !opus))
      return 'This model does not support the effort parameter.';
    const levels = ['low', 'medium', 'high'];
    if (version >= 4.06) levels.push('max');
    if (version >= 4.07) levels.push('xhigh');
    if (!levels.includes(word(effort)))
      return `output_config.effort: Input should be one of ${levels.join(', ')}`;
    if (
      isObject(body.thinking) &&
      body.thinking.type === 'disabled' &&
      ['xhigh', 'max'].includes(word(effort))
    ) {
      return 'output_config.effort: this level is not available with thinking disabled';
    }
  }
  if (format === undefined) return undefined;
  if (version < 4.05) return 'output_config.format: this model does not support structured outputs';
  if (!isObject(format) || format.type !== 'json_schema' || !isObject(format.schema)) {
    return 'output_config.format.schema: Field required';
  }
  const extra = Object.keys(format).find((name) => name !== 'type' && name !== 'schema');
  if (extra !== undefined) return `output_config.format.${extra}: Extra inputs are not permitted`;
  return checkSchema(format.schema, 'output_config.format');
}

function checkRest(body: Json): string | undefined {
  if (body.stop_sequences !== undefined) {
    if (!Array.isArray(body.stop_sequences)) return 'stop_sequences: Input should be a valid list';
    if (body.stop_sequences.some((stop) => typeof stop !== 'string' || stop.trim() === '')) {
      return 'stop_sequences: each stop sequence must contain non-whitespace';
    }
  }
  if (body.metadata !== undefined) {
    if (!isObject(body.metadata)) return 'metadata: Input should be a valid dictionary';
    const extra = Object.keys(body.metadata).find((name) => name !== 'user_id');
    if (extra !== undefined) return `metadata.${extra}: Extra inputs are not permitted`;
    if (word(body.metadata.user_id).length > 256)
      return 'metadata.user_id: String should have at most 256 characters';
  }
  if (body.service_tier !== undefined && !['auto', 'standard_only'].includes(word(body.service_tier))) {
    return "service_tier: Input should be 'auto' or 'standard_only'";
  }
  return undefined;
}
