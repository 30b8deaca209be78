/** Amazon Bedrock's Converse API as the scripted provider speaks it. */
import { checkConverseRequest } from './bedrock-check.ts';
import { invoke } from './bedrock-invoke.ts';
import type { Behaviour } from './behaviour.ts';
import { type Composed, compose } from './composed.ts';
import { eventMessage, exceptionMessage } from './event-stream.ts';
import type { Json } from './json.ts';
import type { FailureShape, Vendor, VendorAnswer, VendorRequest } from './vendor.ts';

const PATH = /^(?:\/v1)?\/model\/([^/]+)\/(converse|converse-stream|invoke)$/;
/** Every event carries some of it, so that lengths tell nothing. */
const PADDING = 'abcdefghijklmnopqrstuvwxyz';

const TYPES: Readonly<Record<number, string>> = {
  400: 'ValidationException',
  401: 'UnrecognizedClientException',
  403: 'AccessDeniedException',
  404: 'ResourceNotFoundException',
  408: 'ModelTimeoutException',
  424: 'ModelErrorException',
  429: 'ThrottlingException',
  500: 'InternalServerException',
  503: 'ServiceUnavailableException',
};

const said = (message: string): string => JSON.stringify({ message });

const SHAPE: FailureShape = {
  error: ({ message }) => said(message),
  quota: { status: 400, body: said('Too many tokens per day, please wait before trying again.') },
  rateLimit: said('Too many requests, please wait before trying again.'),
  garbage: '{"output":{"message":{"content":[{"te',
  inStream: (code) =>
    exceptionMessage(code ?? 'modelStreamErrorException', 'The model stopped in the middle of its answer.'),
  ping: eventMessage('initial-response', {}),
};

export const BEDROCK: Vendor = {
  serves: ({ path }) => PATH.test(path),
  // Signed requests carry no key of their own.
  key: (headers) => (headers.authorization ?? '').replace(/^Bearer /, ''),
  shape: SHAPE,
  unauthorized: said('The security token included in the request is invalid.'),
  answer,
};

function refused(status: number, message: string): VendorAnswer {
  const type = TYPES[status] ?? 'ValidationException';
  return {
    kind: 'Refused',
    status,
    body: said(message),
    headers: { 'x-amzn-errortype': `${type}:http://internal.amazon.com/` },
  };
}

function answer({ path, body }: VendorRequest, behaviour: Behaviour): VendorAnswer {
  const [, id = '', method] = PATH.exec(path) ?? [];
  const model = decodeURIComponent(id);
  let request: Json;
  try {
    request = JSON.parse(body.toString()) as Json;
  } catch {
    return refused(400, 'Malformed input request, please reformat your input and try again.');
  }
  if (method === 'invoke') {
    const invoked = invoke(model, request);
    if (typeof invoked === 'string') return refused(400, invoked);
    const headers = { 'x-amzn-bedrock-input-token-count': String(invoked.inputTokens) };
    return { kind: 'Whole', body: JSON.stringify(invoked.body), headers };
  }
  const problem = checkConverseRequest(model, request);
  if (problem !== undefined) return refused(400, problem);
  const composed = compose(wantedOf(request), body, behaviour);
  const headers = { 'x-amzn-requestid': composed.digest.slice(0, 32) };
  if (method === 'converse') return { kind: 'Whole', body: JSON.stringify(whole(composed)), headers };
  return {
    kind: 'Stream',
    events: events(composed),
    headers: { ...headers, 'content-type': 'application/vnd.amazon.eventstream' },
  };
}

function wantedOf(request: Json): Parameters<typeof compose>[0] {
  const content = ((request.messages as { content: Json[] }[]).at(-1)?.content ?? []) as { text?: string }[];
  const config = request.toolConfig as
    | { tools: Json[]; toolChoice?: { any?: object; tool?: { name: string } } }
    | undefined;
  const inference = (request.inferenceConfig ?? {}) as { maxTokens?: number; stopSequences?: string[] };
  const thinking = (request.additionalModelRequestFields as { thinking?: { type: string } } | undefined)
    ?.thinking;
  const format = request.outputConfig as
    | { textFormat?: { structure: { jsonSchema: { schema: string } } } }
    | undefined;
  const schema = format?.textFormat?.structure.jsonSchema.schema;
  const specs = (config?.tools ?? []).flatMap(({ toolSpec }) =>
    toolSpec ? [toolSpec as { name: string; inputSchema: { json: unknown } }] : [],
  );
  const choice = config?.toolChoice;
  return {
    text: content.map(({ text = '' }) => text).join(' '),
    tools: specs.map(({ name, inputSchema }) => ({ name, schema: inputSchema.json })),
    choice: choice?.tool ?? (choice?.any ? 'any' : 'auto'),
    schema: schema === undefined ? undefined : (JSON.parse(schema) as unknown),
    cap: inference.maxTokens,
    stop: inference.stopSequences ?? [],
    thinks: thinking !== undefined && thinking.type !== 'disabled',
  };
}

const STOPS = { Done: 'end_turn', Cap: 'max_tokens', Calls: 'tool_use', Sequence: 'stop_sequence' } as const;

const signatureOf = (digest: string): string => Buffer.from(digest.slice(0, 30)).toString('base64');
const callId = (digest: string, at: number): string => `tooluse_${digest.slice(0, 20)}${at}`;

function usageOf({ usage }: Composed) {
  const { prompt, cached, visible, reasoning } = usage;
  return {
    inputTokens: prompt - cached,
    outputTokens: visible + reasoning,
    totalTokens: prompt + visible + reasoning,
    cacheReadInputTokens: cached,
    cacheWriteInputTokens: 0,
  };
}

const tierFields = ({ serviceTier }: Composed): Json =>
  serviceTier === undefined ? {} : { serviceTier: { type: serviceTier } };

function stopFields({ sequence }: Composed): Json {
  return sequence === undefined ? {} : { additionalModelResponseFields: { stop_sequence: sequence } };
}

function whole(composed: Composed): Json {
  const { digest, thought, tokens, calls, ended } = composed;
  const content: Json[] = [];
  if (thought !== undefined) {
    content.push({ reasoningContent: { reasoningText: { text: thought, signature: signatureOf(digest) } } });
  }
  if (tokens.length > 0) content.push({ text: tokens.join('') });
  calls.forEach(({ name, input }, at) =>
    content.push({ toolUse: { toolUseId: callId(digest, at), name, input } }),
  );
  return {
    metrics: { latencyMs: 5 },
    output: { message: { content, role: 'assistant' } },
    stopReason: STOPS[ended],
    ...stopFields(composed),
    usage: usageOf(composed),
    ...tierFields(composed),
  };
}

function events(composed: Composed): Buffer[] {
  const { digest, thought, tokens, calls, ended } = composed;
  const out: Buffer[] = [];
  const send = (type: string, payload: Json): void => {
    out.push(eventMessage(type, { ...payload, p: PADDING.slice(0, 1 + (out.length % 26)) }));
  };
  let index = 0;
  const delta = (inner: Json): void => send('contentBlockDelta', { contentBlockIndex: index, delta: inner });
  const stop = (): void => send('contentBlockStop', { contentBlockIndex: index++ });
  send('messageStart', { role: 'assistant' });
  if (thought !== undefined) {
    for (const text of thought.match(/.{1,12}/g) ?? []) delta({ reasoningContent: { text } });
    delta({ reasoningContent: { signature: signatureOf(digest) } });
    stop();
  }
  if (tokens.length > 0) {
    for (const text of tokens) delta({ text });
    stop();
  }
  calls.forEach(({ name, input }, at) => {
    send('contentBlockStart', {
      contentBlockIndex: index,
      start: { toolUse: { name, toolUseId: callId(digest, at) } },
    });
    delta({ toolUse: { input: '' } });
    for (const piece of JSON.stringify(input).match(/[\s\S]{1,8}/g) ?? [])
      delta({ toolUse: { input: piece } });
    stop();
  });
  send('messageStop', { stopReason: STOPS[ended], ...stopFields(composed) });
  send('metadata', { metrics: { latencyMs: 5 }, usage: usageOf(composed), ...tierFields(composed) });
  return out;
}
