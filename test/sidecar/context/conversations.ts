/** Conversations in every dialect that has turns, valid by what their vendors check. */
import * as fc from 'fast-check';
import { checkAnthropicRequest } from '../../../dev/providers/anthropic-check.ts';
import { sign } from '../../../dev/providers/anthropic-seal.ts';
import { checkChatRequest } from '../../../dev/providers/openai-check.ts';
import { checkResponsesRequest } from '../../../dev/providers/openai-responses-check.ts';
import { ANTHROPIC_MESSAGES } from '../../../sidecar/dialects/anthropic/dialects.ts';
import type { Dialect } from '../../../sidecar/dialects/dialect.ts';
import { OPENAI_CHAT } from '../../../sidecar/dialects/openai/dialects.ts';
import { OPENAI_RESPONSES } from '../../../sidecar/dialects/responses/dialects.ts';

interface Round {
  calls: number;
  text: string;
}

interface Turn {
  user: string;
  /** Calls of tools before the answer. */
  rounds: Round[];
  answer: string;
}

export interface Conversation {
  system: string;
  turns: Turn[];
  /** Calls of the last turn whose answer is what is asked for. */
  open: Round[];
  last: string;
  /** First: before the first calls of a turn only. */
  thinks: 'Never' | 'First' | 'Always';
}

const words = fc
  .tuple(fc.constantFrom('word ', 'ü\n', '中文', '\u0001"'), fc.integer({ min: 1, max: 100 }))
  .map(([text, times]) => `w${text.repeat(times)}`);
const round = fc.record({ calls: fc.integer({ min: 1, max: 3 }), text: words });

export const conversation: fc.Arbitrary<Conversation> = fc.record({
  system: words,
  turns: fc.array(fc.record({ user: words, rounds: fc.array(round, { maxLength: 3 }), answer: words }), {
    maxLength: 8,
  }),
  open: fc.array(round, { maxLength: 5 }),
  last: words,
  thinks: fc.constantFrom('Never' as const, 'First' as const, 'Always' as const),
});

export interface Written {
  readonly dialect: Dialect;
  write(conversation: Conversation): object;
  /** Undefined: the vendor takes it. */
  check(body: unknown): unknown;
  /** Member of the body with the messages. */
  list: string;
}

const TOOL = { type: 'object', properties: { q: { type: 'string' } } };
/** Names calls from one end of the conversation to the other. */
const counter = () => {
  let count = 0;
  return () => `call_${count++}`;
};

const CHAT: Written = {
  dialect: OPENAI_CHAT,
  list: 'messages',
  check: checkChatRequest,
  write({ system, turns, open, last }) {
    const id = counter();
    const rounds = (list: Round[]) =>
      list.flatMap(({ calls, text }) => {
        const ids = Array.from({ length: calls }, id);
        const tool_calls = ids.map((one) => ({
          id: one,
          type: 'function',
          function: { name: 'look', arguments: '{"q":"x"}' },
        }));
        return [
          { role: 'assistant', content: null, tool_calls },
          ...ids.map((one) => ({ role: 'tool', tool_call_id: one, content: text })),
        ];
      });
    return {
      model: 'm',
      tools: [{ type: 'function', function: { name: 'look', parameters: TOOL } }],
      messages: [
        { role: 'system', content: system },
        ...turns.flatMap((turn) => [
          { role: 'user', content: turn.user },
          ...rounds(turn.rounds),
          { role: 'assistant', content: turn.answer },
        ]),
        { role: 'user', content: [{ type: 'text', text: last }] },
        ...rounds(open),
      ],
    };
  },
};

const RESPONSES: Written = {
  dialect: OPENAI_RESPONSES,
  list: 'input',
  check: checkResponsesRequest,
  write({ system, turns, open, last, thinks }) {
    const id = counter();
    const rounds = (list: Round[]) =>
      list.flatMap(({ calls, text }, at) => {
        const ids = Array.from({ length: calls }, id);
        return [
          ...(thinks === 'Always' || (thinks === 'First' && at === 0)
            ? [{ type: 'reasoning', id: `rs_${ids[0]}`, summary: [], encrypted_content: 'c2VjcmV0' }]
            : []),
          ...ids.map((one) => ({
            type: 'function_call',
            call_id: one,
            name: 'look',
            arguments: '{"q":"x"}',
          })),
          ...ids.map((one) => ({ type: 'function_call_output', call_id: one, output: text })),
        ];
      });
    return {
      model: 'm',
      store: false,
      instructions: system,
      tools: [{ type: 'function', name: 'look', parameters: TOOL, strict: false }],
      input: [
        ...turns.flatMap((turn) => [
          { role: 'user', content: turn.user },
          ...rounds(turn.rounds),
          { role: 'assistant', content: [{ type: 'output_text', text: turn.answer }] },
        ]),
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: last }] },
        ...rounds(open),
      ],
    };
  },
};

const ANTHROPIC: Written = {
  dialect: ANTHROPIC_MESSAGES,
  list: 'messages',
  check: (body) => checkAnthropicRequest(body),
  write({ system, turns, open, last, thinks }) {
    const id = counter();
    const thought = (at: number) =>
      thinks === 'Always' || (thinks === 'First' && at === 0)
        ? [{ type: 'thinking', thinking: 'so it is', signature: sign('so it is') }]
        : [];
    const rounds = (list: Round[]) =>
      list.flatMap(({ calls, text }, at) => {
        const ids = Array.from({ length: calls }, id);
        return [
          {
            role: 'assistant',
            content: [
              ...thought(at),
              ...ids.map((one) => ({ type: 'tool_use', id: one, name: 'look', input: { q: 'x' } })),
            ],
          },
          {
            role: 'user',
            content: ids.map((one) => ({ type: 'tool_result', tool_use_id: one, content: text })),
          },
        ];
      });
    return {
      model: 'claude-sonnet-4-5',
      max_tokens: 4000,
      system,
      ...(thinks !== 'Never' && { thinking: { type: 'enabled', budget_tokens: 1024 } }),
      tools: [{ name: 'look', input_schema: TOOL }],
      messages: [
        ...turns.flatMap((turn) => [
          { role: 'user', content: turn.user },
          ...rounds(turn.rounds),
          {
            role: 'assistant',
            content: [...thought(turn.rounds.length), { type: 'text', text: turn.answer }],
          },
        ]),
        { role: 'user', content: [{ type: 'text', text: last }] },
        ...rounds(open),
      ],
    };
  },
};

export const DIALECTS: readonly Written[] = [CHAT, RESPONSES, ANTHROPIC];
