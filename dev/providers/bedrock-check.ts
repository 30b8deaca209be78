/** What the Converse API refuses in a request, in its own words; undefined: nothing. */
import { isObject, type Json } from './json.ts';
import { refusalOf, refuse } from './refusal.ts';

const TOP = new Set([
  'messages',
  'system',
  'inferenceConfig',
  'toolConfig',
  'guardrailConfig',
  'additionalModelRequestFields',
  'additionalModelResponseFieldPaths',
  'promptVariables',
  'requestMetadata',
  'performanceConfig',
  'serviceTier',
  'outputConfig',
]);
const BLOCKS = [
  'text',
  'image',
  'document',
  'audio',
  'video',
  'toolUse',
  'toolResult',
  'reasoningContent',
  'cachePoint',
  'guardContent',
];
const ID = /^[a-zA-Z0-9_-]{1,64}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const DOCUMENT_NAME = /^(?!.*\s\s)[A-Za-z0-9\s\-()[\]]{1,200}$/;

export function checkConverseRequest(model: string, body: Json): string | undefined {
  return refusalOf(() => check(model, body));
}

function check(model: string, body: Json): void {
  known(body, TOP, 'request');
  const messages = body.messages as Json[] | undefined;
  if (!messages?.length) refuse('messages must not be empty');
  const thinking = (body.additionalModelRequestFields as Json | undefined)?.thinking as Json | undefined;
  let calls: string[] = [];
  let usesTools = false;
  const names = new Set<string>();
  messages.forEach((message, at) => {
    const content = message.content as Json[] | undefined;
    if (message.role !== (at % 2 === 0 ? 'user' : 'assistant')) {
      refuse(
        at === 0
          ? 'A conversation must start with a user message. Try again with a conversation that starts with a user message.'
          : 'A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.',
      );
    }
    if (!content?.length)
      refuse(
        `The content field in the Message object at messages.${at} is empty. Add a ContentBlock object to the content field and try again.`,
      );
    content.forEach((block, i) =>
      checkBlock(block, message.role as string, `messages.${at}.content.${i}`, names),
    );
    const results = content
      .filter(({ toolResult }) => toolResult)
      .map(({ toolResult }) => String((toolResult as Json).toolUseId));
    const missing = calls.filter((id) => !results.includes(id));
    if (missing.length > 0)
      refuse(
        `Expected toolResult blocks at messages.${at}.content for the following Ids: ${missing.join(', ')}`,
      );
    if (results.length > calls.length) {
      refuse(
        `The number of toolResult blocks at messages.${at}.content exceeds the number of toolUse blocks of previous turn.`,
      );
    }
    if (results.length > 0 && content.findLastIndex((block) => block.toolResult) >= results.length) {
      refuse(`messages.${at}: toolResult blocks must come before any other content`);
    }
    if (content.some(({ document }) => document) && !content.some(({ text }) => text)) {
      refuse('A text block must be included in the user message when it has documents.');
    }
    calls = content
      .filter(({ toolUse }) => toolUse)
      .map(({ toolUse }) => String((toolUse as Json).toolUseId));
    if (new Set(calls).size < calls.length) refuse(`messages.${at}.content contains duplicate Ids`);
    usesTools ||= calls.length > 0 || results.length > 0;
  });
  if (usesTools && !body.toolConfig)
    refuse('The toolConfig field must be defined when using toolUse and toolResult content blocks.');
  if (thinking?.type === 'enabled') checkThinking(messages, body, thinking);
  for (const block of (body.system ?? []) as Json[]) checkBlock(block, 'system', 'system', names);
  checkTools(body.toolConfig as Json | undefined, thinking !== undefined && thinking.type !== 'disabled');
  checkInference(body.inferenceConfig as Json | undefined, /claude/.test(model));
  const metadata = body.requestMetadata as Json | undefined;
  if (metadata && Object.values(metadata).some((value) => typeof value !== 'string'))
    refuse('requestMetadata values must be strings');
  checkOutput(body.outputConfig as Json | undefined, model);
}

function checkBlock(block: Json, role: string, path: string, names: Set<string>): void {
  const kinds = Object.keys(block);
  if (kinds.length !== 1 || !BLOCKS.includes(kinds[0] as string))
    refuse(`${path}: a ContentBlock has exactly one member, not ${kinds.join(', ')}`);
  const { text, image, document, toolUse, toolResult, reasoningContent, cachePoint } = block as Record<
    string,
    Json | undefined
  >;
  if (text !== undefined && (typeof text !== 'string' || (text as string).trim() === '')) {
    refuse(
      `The text field in the ContentBlock object at ${path} is blank. Add text to the text field, and try again.`,
    );
  }
  if (role === 'assistant' && (image ?? document ?? toolResult)) refuse(`${path}: of the user only`);
  if (role === 'user' && (toolUse ?? reasoningContent)) refuse(`${path}: of the assistant only`);
  if (role === 'system' && text === undefined && cachePoint === undefined) refuse(`${path}: text only`);
  if (image) {
    if (!['png', 'jpeg', 'gif', 'webp'].includes(image.format as string)) refuse(`${path}.image.format`);
    bytes(image, path);
  }
  if (document) {
    if (
      !['pdf', 'csv', 'doc', 'docx', 'xls', 'xlsx', 'html', 'txt', 'md'].includes(document.format as string)
    )
      refuse(`${path}.document.format`);
    const name = String(document.name);
    if (!DOCUMENT_NAME.test(name))
      refuse(
        "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive whitespace character.",
      );
    if (names.has(name)) refuse('The model does not support duplicate document names.');
    names.add(name);
    bytes(document, path);
  }
  if (toolUse) {
    if (!ID.test(String(toolUse.toolUseId)))
      refuse(
        `${path}.toolUse.toolUseId failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+`,
      );
    if (!isObject(toolUse.input))
      refuse(
        `The format of the value at ${path}.toolUse.input is invalid. Provide a json object for the field and try again.`,
      );
  }
  if (toolResult) {
    if (!ID.test(String(toolResult.toolUseId))) refuse(`${path}.toolResult.toolUseId`);
    if (!Array.isArray(toolResult.content)) refuse(`${path}.toolResult.content must be a list`);
    for (const part of toolResult.content as Json[]) {
      if (!['text', 'json', 'image', 'document', 'video'].includes(Object.keys(part)[0] as string))
        refuse(`${path}.toolResult.content`);
      if (part.text === '') refuse(`${path}.toolResult.content is blank`);
    }
  }
  if (reasoningContent) {
    const inner = reasoningContent.reasoningText as Json | undefined;
    if (inner ? typeof inner.text !== 'string' : typeof reasoningContent.redactedContent !== 'string')
      refuse(`${path}.reasoningContent`);
  }
}

function bytes(media: Json, path: string): void {
  const source = media.source as Json | undefined;
  if (!source || !BASE64.test(String(source.bytes))) refuse(`${path}.source.bytes must be base64`);
}

/** The turn that goes on begins with thinking. */
function checkThinking(messages: Json[], body: Json, thinking: Json): void {
  const cap = (body.inferenceConfig as Json | undefined)?.maxTokens as number | undefined;
  const budget = thinking.budget_tokens as number;
  if (!(budget >= 1024))
    refuse('thinking.enabled.budget_tokens: Input should be greater than or equal to 1024');
  if (cap === undefined || cap <= budget)
    refuse('`max_tokens` must be greater than `thinking.budget_tokens`.');
  const last = messages.findLast(({ role }) => role === 'assistant');
  const content = (last?.content ?? []) as Json[];
  const open = ((messages.at(-1)?.content ?? []) as Json[]).every(
    ({ toolResult, cachePoint }) => toolResult ?? cachePoint,
  );
  if (open && content.some(({ toolUse }) => toolUse) && !content[0]?.reasoningContent) {
    refuse(
      'Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block.',
    );
  }
}

function checkTools(config: Json | undefined, thinks: boolean): void {
  if (!config) return;
  known(config, new Set(['tools', 'toolChoice']), 'toolConfig');
  const tools = config.tools as Json[] | undefined;
  if (!tools?.length) refuse('toolConfig.tools must have length greater than or equal to 1');
  const names = new Set<string>();
  for (const tool of tools) {
    const spec = tool.toolSpec as Json | undefined;
    if (!spec) continue;
    known(spec, new Set(['name', 'description', 'inputSchema', 'strict']), 'toolSpec');
    const name = String(spec.name);
    if (!ID.test(name) || names.has(name))
      refuse(`toolConfig.tools: the name ${name} is not valid or used twice`);
    names.add(name);
    if (spec.description === '') refuse('toolSpec.description must have length greater than or equal to 1');
    const schema = (spec.inputSchema as Json | undefined)?.json as Json | undefined;
    if (schema?.type !== 'object')
      refuse(
        `The value at toolConfig.tools.toolSpec.inputSchema.json.type must be one of the following: object.`,
      );
  }
  const choice = config.toolChoice as Json | undefined;
  if (!choice) return;
  if ((choice.any ?? choice.tool) && thinks)
    refuse('Thinking may not be enabled when tool_choice forces tool use.');
  const tool = choice.tool as Json | undefined;
  if (tool && !names.has(String(tool.name)))
    refuse(`toolChoice names ${String(tool.name)}, which is no tool`);
  if (Object.keys(choice).length !== 1 || !(choice.auto ?? choice.any ?? choice.tool))
    refuse('toolChoice must be auto, any or tool');
}

function checkInference(config: Json | undefined, claude: boolean): void {
  if (!config) return;
  known(config, new Set(['maxTokens', 'temperature', 'topP', 'stopSequences']), 'inferenceConfig');
  for (const name of ['temperature', 'topP']) {
    const value = config[name] as number | undefined;
    if (value !== undefined && !(value >= 0 && value <= 1))
      refuse(
        `inferenceConfig.${name} failed to satisfy constraint: Member must have value less than or equal to 1`,
      );
  }
  const stops = (config.stopSequences ?? []) as string[];
  if (claude && stops.some((stop) => stop.trim() === ''))
    refuse('stop_sequences: each stop sequence must contain non-whitespace');
}

function checkOutput(config: Json | undefined, model: string): void {
  const format = config?.textFormat as Json | undefined;
  if (!format) return;
  if (/nova|llama|claude-3|sonnet-4-2025/.test(model))
    refuse('This model does not support structured output.');
  const schema = ((format.structure as Json | undefined)?.jsonSchema as Json | undefined)?.schema;
  if (format.type !== 'json_schema' || typeof schema !== 'string')
    refuse('outputConfig.textFormat.structure.jsonSchema.schema must be a string');
  JSON.parse(schema);
}

function known(value: Json, names: ReadonlySet<string>, path: string): void {
  const unknown = Object.keys(value).find((name) => !names.has(name));
  if (unknown !== undefined)
    refuse(`Malformed input request: ${path}: extraneous key [${unknown}] is not permitted`);
}
