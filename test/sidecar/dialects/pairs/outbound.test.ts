/**
 * Every dialect that apps speak, against the scripted Gemini, Bedrock and Cohere: a conversation with parallel tool calls over
 * two turns, streamed and whole. What goes out is checked as the vendor checks it, what comes back as the strictest client would.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BEDROCK } from '../../../../dev/providers/bedrock.ts';
import { COHERE } from '../../../../dev/providers/cohere.ts';
import { GEMINI as SCRIPTED_GEMINI } from '../../../../dev/providers/gemini.ts';
import type { Vendor } from '../../../../dev/providers/vendor.ts';
import { ANTHROPIC_MESSAGES_CALLER } from '../../../../sidecar/dialects/anthropic/formats.ts';
import { BEDROCK_CONVERSE, BEDROCK_CONVERSE_VENDOR } from '../../../../sidecar/dialects/bedrock/formats.ts';
import { type Loss, Losses } from '../../../../sidecar/dialects/canonical/losses.ts';
import type { CallerFormat, VendorFormat } from '../../../../sidecar/dialects/chat-format.ts';
import { COHERE_CHAT, COHERE_CHAT_VENDOR } from '../../../../sidecar/dialects/cohere/formats.ts';
import type { WireReader } from '../../../../sidecar/dialects/dialect.ts';
import { GEMINI, GEMINI_VENDOR } from '../../../../sidecar/dialects/gemini/formats.ts';
import { OPENAI_CHAT_CALLER } from '../../../../sidecar/dialects/openai/formats.ts';
import { OPENAI_RESPONSES_CALLER } from '../../../../sidecar/dialects/responses/formats.ts';
import { openSplitter } from '../../../../sidecar/dialects/splitter.ts';
import { openTranslation, translateRequest } from '../../../../sidecar/dialects/translation.ts';
import { readAnthropicStream } from '../validators/anthropic.ts';
import { readChatStream } from '../validators/openai-chat.ts';
import { readResponsesStream } from '../validators/openai-responses.ts';

type Json = Record<string, unknown>;

interface Target {
  format: VendorFormat;
  wire: WireReader;
  scripted: Vendor;
  model: string;
  path: (stream: boolean) => string;
}

const TARGETS: Record<string, Target> = {
  gemini: {
    format: GEMINI_VENDOR,
    wire: GEMINI,
    scripted: SCRIPTED_GEMINI,
    model: 'gemini-3-flash-preview',
    path: (stream) =>
      `/v1beta/models/gemini-3-flash-preview:${stream ? 'streamGenerateContent' : 'generateContent'}`,
  },
  bedrock: {
    format: BEDROCK_CONVERSE_VENDOR,
    wire: BEDROCK_CONVERSE,
    scripted: BEDROCK,
    model: 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
    path: (stream) =>
      `/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse${stream ? '-stream' : ''}`,
  },
  cohere: {
    format: COHERE_CHAT_VENDOR,
    wire: COHERE_CHAT,
    scripted: COHERE,
    model: 'command-a-plus-05-2026',
    path: () => '/v2/chat',
  },
};

const parameters = { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] };
const TOOLS = ['search', 'lookup'];
const ASK = 'please use search and lookup';

interface Caller {
  format: CallerFormat;
  first: Json;
  /** The second request, after an answer to the first. */
  next: (first: Json, answer: Json) => Json;
  /** Names of the tools an answer calls, in order. */
  called: (answer: Json) => string[];
  text: (answer: Json) => string;
  /** A stream as the whole answer a client makes of it, as far as it is compared. */
  read: (bytes: Buffer) => { called: string[]; text: string };
}

interface Message {
  content: string | null;
  tool_calls?: { id: string; function: { name: string } }[];
}

const CALLERS: Record<string, Caller> = {
  'openai chat': {
    format: OPENAI_CHAT_CALLER,
    first: {
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: ASK },
      ],
      tools: TOOLS.map((name) => ({ type: 'function', function: { name, description: name, parameters } })),
      max_completion_tokens: 8000,
    },
    next: (first, answer) => {
      const message = (answer.choices as { message: Message }[])[0]?.message as Message;
      const results = (message.tool_calls ?? []).map(({ id }) => ({
        role: 'tool',
        tool_call_id: id,
        content: 'found',
      }));
      return { ...first, messages: [...(first.messages as Json[]), message, ...results] };
    },
    called: (answer) =>
      ((answer.choices as { message: Message }[])[0]?.message.tool_calls ?? []).map(
        (call) => call.function.name,
      ),
    text: (answer) => (answer.choices as { message: Message }[])[0]?.message.content ?? '',
    read: (bytes) => {
      const [choice] = readChatStream(bytes).choices;
      return { called: choice?.calls.map(({ name }) => name) ?? [], text: choice?.content ?? '' };
    },
  },
  'openai responses': {
    format: OPENAI_RESPONSES_CALLER,
    first: {
      model: 'm',
      instructions: 'Be brief.',
      input: [{ role: 'user', content: ASK }],
      store: false,
      include: ['reasoning.encrypted_content'],
      tools: TOOLS.map((name) => ({ type: 'function', name, description: name, parameters, strict: false })),
      max_output_tokens: 8000,
    },
    next: (first, answer) => {
      const items = answer.output as Json[];
      const results = items
        .filter(({ type }) => type === 'function_call')
        .map(({ call_id }) => ({ type: 'function_call_output', call_id, output: 'found' }));
      return { ...first, input: [...(first.input as Json[]), ...items, ...results] };
    },
    called: (answer) =>
      (answer.output as Json[])
        .filter(({ type }) => type === 'function_call')
        .map(({ name }) => String(name)),
    text: (answer) => textOfItems(answer.output as Json[]),
    read: (bytes) => {
      const items = readResponsesStream(bytes).response.output as Json[];
      return {
        called: items.filter(({ type }) => type === 'function_call').map(({ name }) => String(name)),
        text: textOfItems(items),
      };
    },
  },
  anthropic: {
    format: ANTHROPIC_MESSAGES_CALLER,
    first: {
      model: 'm',
      max_tokens: 8000,
      system: 'Be brief.',
      messages: [{ role: 'user', content: ASK }],
      tools: TOOLS.map((name) => ({ name, description: name, input_schema: parameters })),
    },
    next: (first, answer) => {
      const content = answer.content as Json[];
      const results = content
        .filter(({ type }) => type === 'tool_use')
        .map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'found' }));
      return {
        ...first,
        messages: [
          ...(first.messages as Json[]),
          { role: 'assistant', content },
          { role: 'user', content: results },
        ],
      };
    },
    called: (answer) =>
      (answer.content as Json[]).filter(({ type }) => type === 'tool_use').map(({ name }) => String(name)),
    text: (answer) => textOfBlocks(answer.content as Json[]),
    read: (bytes) => {
      const { blocks } = readAnthropicStream(bytes);
      return {
        called: blocks.filter(({ type }) => type === 'tool_use').map(({ start }) => String(start.name)),
        text: blocks.map(({ type, text }) => (type === 'text' ? text : '')).join(''),
      };
    },
  },
};

const textOfBlocks = (blocks: Json[]): string =>
  blocks.map(({ type, text }) => (type === 'text' ? String(text) : '')).join('');
const textOfItems = (items: Json[]): string =>
  items
    .flatMap(({ type, content }) => (type === 'message' ? (content as Json[]) : []))
    .map(({ text }) => (typeof text === 'string' ? text : ''))
    .join('');

function send(
  caller: Caller,
  target: Target,
  request: Json,
  cuts: readonly number[] = [],
): { bytes: Buffer; losses: readonly Loss[] } {
  const chat = caller.format.readChat(Buffer.from(JSON.stringify(request)));
  const losses = new Losses();
  const context = {
    model: target.model,
    maxOutputTokens: 64_000,
    quirks: {},
    losses,
    media: () => undefined,
  };
  const body = translateRequest(chat, target.format, context);
  const answered = target.scripted.answer(
    { method: 'POST', path: target.path(chat.stream), headers: { 'content-type': 'application/json' }, body },
    { reasoningTokens: 5 },
  );
  if (answered.kind === 'Refused') throw new Error(`refused: ${answered.body}\n${body.toString()}`);
  const translation = openTranslation(caller.format, target.format, {
    requestId: 'r1',
    now: 1_790_000_000,
    model: target.model,
    request: chat,
    quirks: {},
  });
  if (answered.kind === 'Whole')
    return { bytes: translation.complete(Buffer.from(answered.body)), losses: losses.list };
  const stream = translation.openStream();
  const reader = target.wire.openStream();
  const splitter = openSplitter(target.wire, true);
  const all = Buffer.concat(answered.events.map((event) => Buffer.from(event)));
  const out: Buffer[] = [];
  const edges = [0, ...cuts.map((cut) => cut % all.length).sort((a, b) => a - b), all.length];
  const drain = (): void => {
    while (splitter.next()) {
      if (!splitter.hasData) continue;
      const reading = reader.read(splitter.event, splitter.data);
      if (reading.error) throw new Error(reading.error.message);
      const bytes = stream.event(splitter.data, reading);
      if (bytes) out.push(bytes);
    }
  };
  for (let i = 1; i < edges.length; i++) {
    splitter.push(Buffer.from(all.subarray(edges[i - 1], edges[i])));
    drain();
  }
  splitter.end();
  drain();
  const last = stream.end();
  if (last) out.push(last);
  return { bytes: Buffer.concat(out), losses: losses.list };
}

const whole = (caller: Caller, target: Target, request: Json) => {
  const { bytes, losses } = send(caller, target, request);
  return { answer: JSON.parse(bytes.toString()) as Json, losses };
};

describe.each(Object.entries(CALLERS))('%s', (_, caller) => {
  describe.each(Object.entries(TARGETS))('to %s', (name, target) => {
    it('carries a conversation with parallel calls, losing nothing', () => {
      const one = whole(caller, target, caller.first);
      expect(one.losses).toEqual([]);
      expect(caller.called(one.answer)).toEqual(TOOLS);
      const two = whole(caller, target, caller.next(caller.first, one.answer));
      expect(two.losses).toEqual([]);
      expect(caller.called(two.answer)).toEqual([]);
      expect(caller.text(two.answer)).toBe('the quick brown fox jumps over a lazy dog while seven wizards');
    });

    it('streams what it answers whole, wherever the bytes are cut', () => {
      const { answer } = whole(caller, target, caller.first);
      const next = caller.next(caller.first, answer);
      const requests: [Json, Json][] = [
        [caller.first, answer],
        [next, whole(caller, target, next).answer],
      ];
      for (const [request, complete] of requests) {
        const expected = { called: caller.called(complete), text: caller.text(complete) };
        fc.assert(
          fc.property(fc.array(fc.nat(100_000), { maxLength: 6 }), (cuts) => {
            expect(caller.read(send(caller, target, { ...request, stream: true }, cuts).bytes)).toEqual(
              expected,
            );
          }),
          { numRuns: 12 },
        );
      }
    });

    it('says so where the thinking of another vendor cannot go along', () => {
      const other = name === 'bedrock' ? 'gemini' : 'bedrock';
      const one = whole(caller, TARGETS[other] as Target, caller.first);
      const two = whole(caller, target, caller.next(caller.first, one.answer));
      expect(caller.text(two.answer)).not.toBe('');
      for (const { parameter } of two.losses) expect(parameter).toMatch(/thinking|thought_signature/);
    });
  });
});
