/** Apps of each dialect, as plain HTTP: they put a scenario into requests and read answers, streamed ones through the strictest reader there is. */

import { readAnthropicStream } from '../dialects/validators/anthropic.ts';
import { readChatStream } from '../dialects/validators/openai-chat.ts';
import { readResponsesStream } from '../dialects/validators/openai-responses.ts';
import { type Answer, callJson } from '../support/http.ts';

type Json = Record<string, unknown>;

interface Tool {
  name: string;
  description: string;
  schema: Json;
}

export interface Asked {
  system?: string;
  user: string;
  image?: { mediaType: string; data: string };
  tools?: Tool[];
  /** Force this tool. */
  force?: string;
  schema?: Json;
  stop?: string;
  cap?: number;
  thinks?: boolean;
}

export interface Answered {
  text: string;
  thinking: string;
  calls: { id: string; name: string; arguments: unknown }[];
  stop: 'Done' | 'Cap' | 'Calls' | 'Sequence';
  usage: { input: number; output: number; cached: number };
  /** What the app sends back as the assistant's part of the conversation. */
  said: Json[];
}

export interface Caller {
  dialect: string;
  path: string;
  headers: Record<string, string>;
  request(asked: Asked, stream: boolean): Json;
  /** The same conversation, with the answer and the results of its calls behind it. */
  withResults(request: Json, answered: Answered, results: string[], then: string): Json;
  /** `own`: the vendor speaks the dialect too, so these are its bytes. */
  read(answer: Answer, stream: boolean, own?: boolean): Answered;
  /** Status, type and message of an error. */
  readError(answer: Answer): { status: number; type: string; message: string };
}

export const call = (url: string, { path, headers }: Caller, body: Json): Promise<Answer> =>
  callJson(url + path, body, headers);

const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);

const CHAT: Caller = {
  dialect: 'openai-chat',
  path: '/v1/chat/completions',
  headers: {},
  request: ({ system, user, image, tools, force, schema, stop, cap, thinks }, stream) => ({
    model: 'any',
    stream,
    ...(stream && { stream_options: { include_usage: true } }),
    messages: [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      {
        role: 'user',
        content: image
          ? [
              { type: 'text', text: user },
              { type: 'image_url', image_url: { url: `data:${image.mediaType};base64,${image.data}` } },
            ]
          : user,
      },
    ],
    ...(tools && {
      tools: tools.map(({ name, description, schema: parameters }) => ({
        type: 'function',
        function: { name, description, parameters },
      })),
    }),
    ...(force !== undefined && { tool_choice: { type: 'function', function: { name: force } } }),
    ...(schema && {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
    }),
    ...(stop !== undefined && { stop }),
    ...(cap !== undefined && { max_completion_tokens: cap }),
    ...(thinks && { reasoning_effort: 'medium' }),
  }),
  withResults: (request, { said, calls }, results, then) => ({
    ...request,
    messages: [
      ...list(request.messages),
      ...said,
      ...results.map((content, i) => ({ role: 'tool', tool_call_id: calls[i]?.id, content })),
      ...(then === '' ? [] : [{ role: 'user', content: then }]),
    ],
  }),
  read: ({ text: body }, stream) => {
    const whole = stream ? fromChatStream(body) : (JSON.parse(body) as Json);
    const choice = list(whole.choices)[0] ?? {};
    const message = choice.message as Json;
    const usage = whole.usage as Json;
    return {
      text: text(message.content),
      thinking: text(message.reasoning_content),
      calls: list(message.tool_calls).map((one) => {
        const { name, arguments: input } = one.function as { name: string; arguments: string };
        return { id: text(one.id), name, arguments: JSON.parse(input) as unknown };
      }),
      stop:
        ({ stop: 'Done', length: 'Cap', tool_calls: 'Calls' } as const)[text(choice.finish_reason)] ??
        fail(choice),
      usage: {
        input: number(usage.prompt_tokens),
        output: number(usage.completion_tokens),
        cached: number((usage.prompt_tokens_details as Json | undefined)?.cached_tokens),
      },
      said: [message],
    };
  },
  readError: openaiError,
};

function openaiError({ status, text: body }: Answer): ReturnType<Caller['readError']> {
  const { error } = JSON.parse(body) as { error: Json };
  return { status, type: text(error.type), message: text(error.message) };
}

function fail(what: unknown): never {
  throw new Error(`no stop of ours: ${JSON.stringify(what)}`);
}

/** What an SDK makes of the chunks. */
function fromChatStream(body: string): Json {
  const { choices, usage, id, model } = readChatStream(Buffer.from(body), true);
  return {
    id,
    model,
    usage,
    choices: choices.map(({ content, reasoning, calls, extra, finish }) => ({
      finish_reason: finish,
      message: {
        role: 'assistant',
        content: content ?? null,
        ...(reasoning !== '' && { reasoning_content: reasoning }),
        ...(calls.length > 0 && {
          tool_calls: calls.map(({ id: callId, type, name, arguments: input, extra: own }) => ({
            id: callId,
            type,
            function: { name, arguments: input },
            ...(own !== undefined && { extra_content: own }),
          })),
        }),
        ...(extra !== undefined && { extra_content: extra }),
      },
    })),
  };
}

const RESPONSES: Caller = {
  dialect: 'openai-responses',
  path: '/v1/responses',
  headers: {},
  request: ({ system, user, image, tools, force, schema, cap, thinks }, stream) => ({
    model: 'any',
    stream,
    store: false,
    ...(system !== undefined && { instructions: system }),
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: user },
          ...(image
            ? [
                {
                  type: 'input_image',
                  detail: 'auto',
                  image_url: `data:${image.mediaType};base64,${image.data}`,
                },
              ]
            : []),
        ],
      },
    ],
    ...(tools && {
      tools: tools.map(({ name, description, schema: parameters }) => ({
        type: 'function',
        name,
        description,
        parameters,
        strict: false,
      })),
    }),
    ...(force !== undefined && { tool_choice: { type: 'function', name: force } }),
    ...(schema && { text: { format: { type: 'json_schema', name: 'answer', schema, strict: true } } }),
    ...(cap !== undefined && { max_output_tokens: cap }),
    ...(thinks && {
      reasoning: { effort: 'medium', summary: 'auto' },
      include: ['reasoning.encrypted_content'],
    }),
  }),
  withResults: (request, { said, calls }, results, then) => ({
    ...request,
    input: [
      ...list(request.input),
      ...said,
      ...results.map((output, i) => ({ type: 'function_call_output', call_id: calls[i]?.id, output })),
      ...(then === '' ? [] : [{ role: 'user', content: then }]),
    ],
  }),
  read: ({ text: body }, stream) => {
    const whole = stream ? readResponsesStream(Buffer.from(body)).response : (JSON.parse(body) as Json);
    const output = list(whole.output);
    const usage = whole.usage as Json;
    const of = (type: string): Json[] => output.filter((item) => item.type === type);
    const calls = of('function_call');
    const cut = whole.status === 'incomplete';
    return {
      text: of('message')
        .flatMap((item) => list(item.content))
        .map((part) => text(part.text))
        .join(''),
      thinking: of('reasoning')
        .flatMap((item) => list(item.summary))
        .map((part) => text(part.text))
        .join(''),
      calls: calls.map((item) => ({
        id: text(item.call_id),
        name: text(item.name),
        arguments: JSON.parse(text(item.arguments)) as unknown,
      })),
      stop: cut ? 'Cap' : calls.length > 0 ? 'Calls' : 'Done',
      usage: {
        input: number(usage.input_tokens),
        output: number(usage.output_tokens),
        cached: number((usage.input_tokens_details as Json | undefined)?.cached_tokens),
      },
      said: output,
    };
  },
  readError: openaiError,
};

const MESSAGES: Caller = {
  dialect: 'anthropic-messages',
  path: '/v1/messages',
  headers: { 'anthropic-version': '2023-06-01', 'x-api-key': 'sk-placeholder' },
  request: ({ system, user, image, tools, force, schema, stop, cap, thinks }, stream) => ({
    model: 'any',
    stream,
    max_tokens: cap ?? 4096,
    ...(system !== undefined && { system }),
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: user },
          ...(image
            ? [{ type: 'image', source: { type: 'base64', media_type: image.mediaType, data: image.data } }]
            : []),
        ],
      },
    ],
    ...(tools && {
      tools: tools.map(({ name, description, schema: input_schema }) => ({
        name,
        description,
        input_schema,
      })),
    }),
    ...(force !== undefined && { tool_choice: { type: 'tool', name: force } }),
    ...(schema && { output_config: { format: { type: 'json_schema', schema } } }),
    ...(stop !== undefined && { stop_sequences: [stop] }),
    ...(thinks && { thinking: { type: 'enabled', budget_tokens: 1024 } }),
  }),
  withResults: (request, { said, calls }, results, then) => ({
    ...request,
    messages: [
      ...list(request.messages),
      { role: 'assistant', content: said },
      {
        role: 'user',
        content: [
          ...results.map((content, i) => ({ type: 'tool_result', tool_use_id: calls[i]?.id, content })),
          ...(then === '' ? [] : [{ type: 'text', text: then }]),
        ],
      },
    ],
  }),
  read: ({ text: body }, stream, own = false) => {
    const whole = stream ? fromMessageStream(body, own) : (JSON.parse(body) as Json);
    const blocks = list(whole.content);
    const usage = whole.usage as Json;
    const cached = number(usage.cache_read_input_tokens);
    const stops = {
      end_turn: 'Done',
      max_tokens: 'Cap',
      tool_use: 'Calls',
      stop_sequence: 'Sequence',
    } as const;
    return {
      text: blocks
        .filter(({ type }) => type === 'text')
        .map((block) => text(block.text))
        .join(''),
      thinking: blocks
        .filter(({ type }) => type === 'thinking')
        .map((block) => text(block.thinking))
        .join(''),
      calls: blocks
        .filter(({ type }) => type === 'tool_use')
        .map((block) => ({ id: text(block.id), name: text(block.name), arguments: block.input })),
      stop: stops[text(whole.stop_reason) as keyof typeof stops] ?? fail(whole),
      usage: {
        input: number(usage.input_tokens) + cached + number(usage.cache_creation_input_tokens),
        output: number(usage.output_tokens),
        cached,
      },
      said: blocks,
    };
  },
  readError: ({ status, text: body }) => {
    const { type, error } = JSON.parse(body) as { type: string; error: Json };
    if (type !== 'error') throw new Error(`an error without its type: ${body}`);
    return { status, type: text(error.type), message: text(error.message) };
  },
};

function fromMessageStream(body: string, own: boolean): Json {
  const { blocks, stopReason, usage } = readAnthropicStream(Buffer.from(body), own);
  return {
    stop_reason: stopReason,
    usage,
    content: blocks.map(({ type, text: said, input, signature, start }) => {
      if (type === 'text') return { type, text: said };
      if (type === 'thinking') return { type, thinking: said, signature };
      if (type === 'tool_use') {
        const { id, name } = start as { id: string; name: string };
        return { type, id, name, input: JSON.parse(input === '' ? '{}' : input) as unknown };
      }
      return start;
    }),
  };
}

export const CALLERS: readonly Caller[] = [CHAT, RESPONSES, MESSAGES];
