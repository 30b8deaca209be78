/** The Gemini API as the scripted provider speaks it, and Google's models on Vertex AI. */
import type { Behaviour } from './behaviour.ts';
import { type Composed, compose } from './composed.ts';
import { checkGeminiRequest } from './gemini-check.ts';
import type { Json } from './json.ts';
import type { FailureShape, Vendor, VendorAnswer, VendorRequest } from './vendor.ts';
import { embedContent, predict } from './vertex-embed.ts';

const PATH =
  /^\/(?:v1|v1beta|v1\/projects\/[^/]+\/locations\/[^/]+\/publishers\/google)\/models\/([^/:]+):(generateContent|streamGenerateContent|predict|embedContent)$/;

const STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

function errorBody(code: number, message: string, status?: string, details?: unknown[]): string {
  const word = status ?? STATUSES[code] ?? (code < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL');
  return JSON.stringify({ error: { code, message, status: word, ...(details && { details }) } });
}

const retryIn = (retryDelay: string): unknown[] => [
  { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay },
];

const SHAPE: FailureShape = {
  error: ({ status, message, type }) => errorBody(status, message, type),
  quota: {
    status: 429,
    body: errorBody(
      429,
      'You exceeded your current quota, please check your plan and billing details.',
      undefined,
      retryIn('37s'),
    ),
  },
  rateLimit: errorBody(429, 'Resource has been exhausted (e.g. check quota).', undefined, retryIn('1s')),
  garbage: '{"candidates":[{"content":{"parts":[{"te',
  inStream: (code) =>
    `data: ${errorBody(503, 'The model is overloaded. Please try again later.', code)}\r\n\r\n`,
  ping: ': ping\n\n',
};

export const GEMINI: Vendor = {
  serves: ({ path }) => PATH.test(path),
  key: (headers) => {
    const key = headers['x-goog-api-key'];
    return typeof key === 'string' ? key : (headers.authorization ?? '').replace(/^Bearer /, '');
  },
  shape: SHAPE,
  unauthorized: errorBody(401, 'API key not valid. Please pass a valid API key.'),
  answer,
};

function refused(status: number, message: string): VendorAnswer {
  return { kind: 'Refused', status, body: errorBody(status, message) };
}

function answer({ path, body }: VendorRequest, behaviour: Behaviour): VendorAnswer {
  const [, model = '', method] = PATH.exec(path) ?? [];
  let request: Json;
  try {
    request = JSON.parse(body.toString()) as Json;
  } catch {
    return refused(400, 'Invalid JSON payload received.');
  }
  if (method === 'predict' || method === 'embedContent') {
    const embedded = method === 'predict' ? predict(model, request) : embedContent(request);
    return typeof embedded === 'string'
      ? refused(400, embedded)
      : { kind: 'Whole', body: JSON.stringify(embedded), headers: {} };
  }
  const problem = checkGeminiRequest(model, request);
  if (problem !== undefined) return refused(400, problem);
  const composed = compose(wantedOf(model, request), body, behaviour);
  const chunks = chunksOf(model, composed);
  const { serviceTier } = composed;
  const headers = {
    'server-timing': 'gfet4t7; dur=5',
    ...(serviceTier !== undefined && !isTraffic(serviceTier) && { 'x-gemini-service-tier': serviceTier }),
  };
  if (method === 'generateContent')
    return { kind: 'Whole', body: JSON.stringify(whole(chunks), null, 2), headers };
  return { kind: 'Stream', events: chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`), headers };
}

function wantedOf(model: string, request: Json): Parameters<typeof compose>[0] {
  const contents = request.contents as { parts: Json[] }[];
  const config = (request.generationConfig ?? {}) as Json;
  const tools = ((request.tools ?? []) as { functionDeclarations?: Json[] }[]).flatMap(
    (tool) => tool.functionDeclarations ?? [],
  );
  const calling = (
    request.toolConfig as
      | { functionCallingConfig?: { mode?: string; allowedFunctionNames?: string[] } }
      | undefined
  )?.functionCallingConfig;
  const name = calling?.allowedFunctionNames?.[0];
  const mode = calling?.mode;
  const thinking = config.thinkingConfig as { includeThoughts?: boolean } | undefined;
  return {
    text: (contents.at(-1)?.parts ?? []).map(({ text }) => (typeof text === 'string' ? text : '')).join(' '),
    tools: tools.map((tool) => ({
      name: String(tool.name),
      schema: tool.parametersJsonSchema ?? tool.parameters,
    })),
    choice: mode === 'NONE' ? 'none' : mode === 'ANY' ? (name === undefined ? 'any' : { name }) : 'auto',
    schema:
      config.responseJsonSchema ??
      config.responseSchema ??
      (config.responseMimeType === 'application/json' ? {} : undefined),
    cap: config.maxOutputTokens as number | undefined,
    stop: (config.stopSequences ?? []) as string[],
    thinks: thinking?.includeThoughts === true && !model.includes('2.0'),
  };
}

type Chunk = Json & {
  candidates: { content: { parts: Json[]; role: string }; finishReason?: string; index: number }[];
};

/** Two calls come in one chunk, more in chunks of their own; newer models sign the first of them, or the end of the text. */
function chunksOf(
  model: string,
  { digest, thought, tokens, calls, ended, usage, serviceTier }: Composed,
): Chunk[] {
  const signature = /gemini-([3-9]|flash|pro-latest)/.test(model)
    ? Buffer.from(digest.slice(0, 24)).toString('base64')
    : undefined;
  const groups: Json[][] = [];
  if (thought !== undefined) groups.push([{ text: thought, thought: true }]);
  for (const token of tokens) groups.push([{ text: token }]);
  const parts = calls.map(({ name, input }, at) => ({
    functionCall: { name, args: input },
    ...(at === 0 && signature !== undefined && { thoughtSignature: signature }),
  }));
  if (parts.length > 0) groups.push(parts.slice(0, 2));
  for (const part of parts.slice(2)) groups.push([part]);
  groups.push(
    calls.length === 0 && signature !== undefined ? [{ text: '', thoughtSignature: signature }] : [],
  );
  return groups.map((group, at) => {
    const last = at === groups.length - 1;
    return {
      candidates: [
        {
          content: { parts: group, role: 'model' },
          ...(last && { finishReason: ended === 'Cap' ? 'MAX_TOKENS' : 'STOP' }),
          index: 0,
        },
      ],
      usageMetadata: {
        promptTokenCount: usage.prompt,
        ...(usage.cached > 0 && { cachedContentTokenCount: usage.cached }),
        ...(last && { candidatesTokenCount: usage.visible }),
        ...(usage.reasoning > 0 && { thoughtsTokenCount: usage.reasoning }),
        totalTokenCount: usage.prompt + usage.reasoning + (last ? usage.visible : 0),
        promptTokensDetails: byModality(usage.prompt, usage.audio),
        ...(serviceTier !== undefined && isTraffic(serviceTier) && { trafficType: serviceTier }),
        ...(usage.cached > 0 &&
          usage.audio > 0 && {
            cacheTokensDetails: byModality(usage.cached, Math.min(usage.cached, usage.audio)),
          }),
      },
      modelVersion: model,
      responseId: digest.slice(0, 22),
    };
  });
}

/** Of Vertex AI, which tells it with the usage; the Gemini API has a header. */
const isTraffic = (tier: string): boolean => /^[A-Z]/.test(tier);

function byModality(all: number, audio: number): Json[] {
  const text = { modality: 'TEXT', tokenCount: all - audio };
  return audio === 0 ? [text] : [text, { modality: 'AUDIO', tokenCount: audio }];
}

/** Text that follows text is one part. */
function whole(chunks: Chunk[]): Json {
  const last = chunks.at(-1) as Chunk;
  const parts: Json[] = [];
  for (const part of chunks.flatMap((chunk) => chunk.candidates[0]?.content.parts ?? [])) {
    const before = parts.at(-1);
    const joins =
      typeof part.text === 'string' && typeof before?.text === 'string' && before.thought === part.thought;
    if (joins)
      parts[parts.length - 1] = { ...before, ...part, text: `${String(before.text)}${String(part.text)}` };
    else parts.push(part);
  }
  return { ...last, candidates: [{ ...last.candidates[0], content: { parts, role: 'model' } }] };
}
