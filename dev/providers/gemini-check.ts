/** What the Gemini API refuses in a request, in its own words; undefined: nothing. */
import { isObject, type Json } from './json.ts';
import { refusalOf, refuse } from './refusal.ts';

const PART_KINDS = [
  'text',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
];
const PART_MEMBERS = new Set([
  ...PART_KINDS,
  'thought',
  'thoughtSignature',
  'videoMetadata',
  'mediaResolution',
]);
const TOP = new Set([
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'generationConfig',
  'safetySettings',
  'cachedContent',
  'labels',
  'serviceTier',
  'store',
]);
const CONFIG = new Set([
  'maxOutputTokens',
  'temperature',
  'topP',
  'topK',
  'stopSequences',
  'candidateCount',
  'seed',
  'presencePenalty',
  'frequencyPenalty',
  'responseLogprobs',
  'logprobs',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  'responseModalities',
  'thinkingConfig',
  'mediaResolution',
  'speechConfig',
]);
const SCHEMA = new Set([
  'type',
  'format',
  'title',
  'description',
  'nullable',
  'enum',
  'items',
  'maxItems',
  'minItems',
  'properties',
  'required',
  'minProperties',
  'maxProperties',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'example',
  'anyOf',
  'propertyOrdering',
  'default',
]);
const NAME = /^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/;

export function checkGeminiRequest(model: string, body: Json): string | undefined {
  return refusalOf(() => check(model, body));
}

interface Content {
  role?: string;
  parts?: Json[];
}

/** Google's own clients send a streamed answer back as it came, a content for each chunk: together they are one turn. */
function inTurns(contents: readonly Content[]): Content[] {
  const turns: Content[] = [];
  for (const content of contents) {
    const before = turns.at(-1);
    if (content.role === 'model' && before?.role === 'model') {
      turns[turns.length - 1] = { role: 'model', parts: [...(before.parts ?? []), ...(content.parts ?? [])] };
    } else {
      turns.push(content);
    }
  }
  return turns;
}

function check(model: string, body: Json): void {
  known(body, TOP, '');
  const newest = /gemini-(3|flash-latest|pro-latest)/.test(model);
  if (!Array.isArray(body.contents) || body.contents.length === 0)
    refuse('* GenerateContentRequest.contents: contents is not specified');
  const contents = inTurns(body.contents as Content[]);
  let calls: string[] = [];
  let role = '';
  contents.forEach((content, at) => {
    if (content.role !== 'user' && content.role !== 'model') refuse('Please use a valid role: user, model.');
    if (content.role === role)
      refuse('Please ensure that multiturn requests alternate between user and model.');
    if (at === 0 && content.role !== 'user')
      refuse('Please ensure that multiturn requests start with a user turn.');
    role = content.role;
    const parts = content.parts ?? [];
    if (parts.length === 0)
      refuse(`* GenerateContentRequest.contents[${at}].parts: contents.parts must not be empty.`);
    parts.forEach((part, i) => checkPart(part, `contents[${at}].parts[${i}]`));
    const responses = parts
      .filter((part) => part.functionResponse)
      .map((part) => part.functionResponse as Json);
    if (responses.length > 0 || calls.length > 0) {
      if (at < contents.length && responses.length !== calls.length) {
        refuse(
          'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.',
        );
      }
      responses.forEach(({ name }, i) => {
        if (name !== calls[i])
          refuse(`function response ${i} is for ${String(name)}, not ${String(calls[i])}`);
      });
    }
    calls = parts.filter((part) => part.functionCall).map((part) => String((part.functionCall as Json).name));
  });
  if (newest) checkSignatures(contents);
  const system = body.systemInstruction as { parts?: Json[] } | undefined;
  if (system && !system.parts?.length) refuse('system_instruction.parts: must not be empty');
  checkTools(body);
  checkConfig(body.generationConfig as Json | undefined, newest);
}

/** The current turn begins with the last turn of the user that has something of its own. */
function checkSignatures(contents: readonly Content[]): void {
  const own = (part: Json): boolean => part.functionResponse === undefined;
  const start = contents.findLastIndex(({ role, parts }) => role === 'user' && parts?.some(own));
  contents.forEach(({ parts = [] }, at) => {
    const first = parts.find((part) => part.functionCall);
    if (at <= start || first === undefined || first.thoughtSignature) return;
    const name = String((first.functionCall as Json).name);
    refuse(
      `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`${name}\`, position ${at + 1}.`,
    );
  });
}

function checkPart(part: Json, path: string): void {
  known(part, PART_MEMBERS, path);
  const kinds = PART_KINDS.filter((kind) => part[kind] !== undefined);
  if (kinds.length !== 1) refuse(`${path}.data: required oneof field 'data' must have one initialized field`);
  const { inlineData, fileData, functionCall, functionResponse, text } = part as Record<
    string,
    Json | undefined
  >;
  if (text !== undefined && typeof text !== 'string') refuse(`Invalid value at '${path}.text' (TYPE_STRING)`);
  if (text === ('' as unknown) && !part.thoughtSignature) refuse(`${path}.text must not be empty`);
  if (inlineData && !(inlineData.mimeType && typeof inlineData.data === 'string'))
    refuse(`${path}.inline_data: mime type and data are required`);
  if (fileData && !(fileData.mimeType && fileData.fileUri))
    refuse(`${path}.file_data: mime type and URI are required`);
  if (functionCall) {
    known(functionCall, new Set(['id', 'name', 'args']), `${path}.function_call`);
    if (!isObject(functionCall.args))
      refuse(`Invalid value at '${path}.function_call.args' (type.googleapis.com/google.protobuf.Struct)`);
    if (!functionCall.name) refuse(`${path}.function_call.name: Name cannot be empty.`);
  }
  if (functionResponse) {
    known(functionResponse, new Set(['id', 'name', 'response', 'parts']), `${path}.function_response`);
    if (!functionResponse.name) refuse(`${path}.function_response.name: Name cannot be empty.`);
    if (!isObject(functionResponse.response))
      refuse(
        `Invalid value at '${path}.function_response.response' (type.googleapis.com/google.protobuf.Struct)`,
      );
  }
}

function checkTools(body: Json): void {
  const names = new Set<string>();
  for (const tool of (body.tools ?? []) as Json[]) {
    for (const declaration of (tool.functionDeclarations ?? []) as Json[]) {
      known(
        declaration,
        new Set(['name', 'description', 'parameters', 'parametersJsonSchema', 'response', 'behavior']),
        'tools',
      );
      const name = String(declaration.name);
      if (!NAME.test(name)) refuse(`Invalid function name: ${name}`);
      if (names.has(name)) refuse(`Duplicate function declaration found: ${name}`);
      names.add(name);
      if (declaration.parameters && declaration.parametersJsonSchema)
        refuse('parameters and parameters_json_schema are exclusive');
      if (declaration.parameters) checkSchema(declaration.parameters as Json, 'parameters');
    }
  }
  const config = (
    body.toolConfig as
      | { functionCallingConfig?: { mode?: string; allowedFunctionNames?: string[] } }
      | undefined
  )?.functionCallingConfig;
  if (!config) return;
  if (!['AUTO', 'ANY', 'NONE', 'VALIDATED'].includes(config.mode ?? ''))
    refuse('Invalid function calling mode');
  if (names.size === 0) refuse('Function calling config is set without function_declarations.');
  for (const name of config.allowedFunctionNames ?? []) {
    if (config.mode !== 'ANY' && config.mode !== 'VALIDATED')
      refuse('allowed_function_names only with mode ANY');
    if (!names.has(name)) refuse(`allowed function ${name} is not declared`);
  }
}

/** The subset of OpenAPI that `parameters` and `responseSchema` are. */
function checkSchema(schema: Json, path: string): void {
  known(schema, SCHEMA, path);
  if (
    schema.type !== undefined &&
    !['STRING', 'NUMBER', 'INTEGER', 'BOOLEAN', 'ARRAY', 'OBJECT'].includes(schema.type as string)
  ) {
    refuse(`Invalid value at '${path}.type'`);
  }
  for (const value of (schema.enum ?? []) as unknown[])
    if (typeof value !== 'string') refuse(`Invalid value at '${path}.enum' (TYPE_STRING)`);
  for (const [name, inner] of Object.entries((schema.properties ?? {}) as Record<string, Json>)) {
    checkSchema(inner, `${path}.properties[${name}]`);
  }
  if (schema.items) checkSchema(schema.items as Json, `${path}.items`);
  for (const inner of (schema.anyOf ?? []) as Json[]) checkSchema(inner, `${path}.any_of`);
}

function checkConfig(config: Json | undefined, newest: boolean): void {
  if (!config) return;
  known(config, CONFIG, 'generation_config');
  if (
    (config.responseSchema || config.responseJsonSchema) &&
    config.responseMimeType !== 'application/json'
  ) {
    refuse('response_mime_type must be application/json when a schema is set');
  }
  if (config.responseSchema) checkSchema(config.responseSchema as Json, 'response_schema');
  if (Array.isArray(config.stopSequences) && config.stopSequences.length > 5)
    refuse('stop_sequences must have at most 5');
  if (config.logprobs !== undefined && !config.responseLogprobs)
    refuse('logprobs requires response_logprobs');
  const thinking = config.thinkingConfig as Json | undefined;
  if (!thinking) return;
  known(thinking, new Set(['includeThoughts', 'thinkingBudget', 'thinkingLevel']), 'thinking_config');
  if (thinking.thinkingBudget !== undefined && thinking.thinkingLevel !== undefined) {
    refuse('You can only set one of thinking budget and thinking level.');
  }
  if (thinking.thinkingLevel !== undefined && !newest)
    refuse('Thinking level is not supported for this model.');
}

function known(value: Json, names: ReadonlySet<string>, path: string): void {
  const unknown = Object.keys(value).find((name) => !names.has(name));
  if (unknown !== undefined) {
    refuse(
      `Invalid JSON payload received. Unknown name "${unknown}"${path === '' ? '' : ` at '${path}'`}: Cannot find field.`,
    );
  }
}
