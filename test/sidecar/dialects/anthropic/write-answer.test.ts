import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANTHROPIC_MESSAGES_CALLER } from '../../../../sidecar/dialects/anthropic/formats.ts';
import type { Block } from '../../../../sidecar/dialects/canonical/request.ts';
import type { ChatEvent, OpenBlock } from '../../../../sidecar/dialects/canonical/response.ts';
import { bodyOf, responseOf, streamOf } from '../support/caller.ts';
import { readAnthropicStream } from '../validators/anthropic.ts';

const CALLER = ANTHROPIC_MESSAGES_CALLER;
const USAGE = {
  input: 7,
  cacheRead: 5,
  cacheWrite1h: 3,
  audioInput: 2,
  output: 4,
  reasoning: 6,
  audioOutput: 0,
};
const start: ChatEvent = {
  type: 'Start',
  id: 'chatcmpl-1',
  model: 'gpt-x',
  usage: undefined,
  rawUsage: undefined,
};
const finish = (reason: 'Stop' | 'ToolCalls' | 'Length' | 'Other' = 'Stop', raw = 'stop'): ChatEvent => ({
  type: 'Finish',
  choice: 0,
  finish: { reason, raw },
});
const usage: ChatEvent = { type: 'Usage', usage: USAGE, rawUsage: {}, serviceTier: 'default' };
const end: ChatEvent = { type: 'End' };

/** Whole blocks, one after the other. */
function told(...parts: [OpenBlock, ...string[]][]): ChatEvent[] {
  return parts.flatMap(([open, ...pieces], block): ChatEvent[] => [
    { type: 'BlockStart', choice: 0, block, open },
    ...pieces.map((text): ChatEvent => ({ type: 'Delta', choice: 0, block, text })),
    { type: 'BlockStop', choice: 0, block },
  ]);
}
const read = (...events: ChatEvent[]) => readAnthropicStream(streamOf(CALLER, [start, ...events]));

describe('streams', () => {
  it('text, thinking and calls, byte for byte', () => {
    const message = read(
      ...told(
        [{ type: 'Thinking' }, 'hm', ' ok'],
        [{ type: 'Text' }, 'Hel', 'lo \u{1f600}'],
        [{ type: 'ToolCall', id: 'call_1', name: 'f' }, '{"q": 1', '.0}'],
        [{ type: 'ToolCall', id: 'functions.g:1', name: 'g' }],
      ),
      finish('ToolCalls', 'tool_calls'),
      usage,
      end,
    );
    expect(message).toMatchObject({
      id: 'msg_chatcmpl-1',
      model: 'gpt-x',
      stopReason: 'tool_use',
      stopSequence: null,
    });
    expect(message.blocks).toMatchObject([
      { type: 'thinking', text: 'hm ok', signature: '' },
      { type: 'text', text: 'Hello \u{1f600}' },
      { type: 'tool_use', input: '{"q": 1.0}', start: { id: 'call_1', name: 'f' } },
      { type: 'tool_use', input: '', start: { name: 'g' } },
    ]);
    expect(message.usage).toMatchObject({
      input_tokens: 9,
      cache_read_input_tokens: 5,
      cache_creation_input_tokens: 3,
      cache_creation: { ephemeral_1h_input_tokens: 3, ephemeral_5m_input_tokens: 0 },
      output_tokens: 10,
      output_tokens_details: { thinking_tokens: 6 },
      service_tier: 'standard',
    });
  });

  it('an answer that starts with a call has no empty text before it', () => {
    const message = read(
      ...told([{ type: 'Text' }], [{ type: 'ToolCall', id: 'c', name: 'f' }, '{}']),
      finish(),
      end,
    );
    expect(message.blocks.map(({ type }) => type)).toEqual(['tool_use']);
    expect(message.stopReason).toBe('tool_use');
  });

  it('signatures: its own as they are, others with their vendor, those of calls before the call', () => {
    const signature = (vendor: 'anthropic' | 'google', block: number): ChatEvent => ({
      type: 'Signature',
      choice: 0,
      block,
      signature: { vendor, value: 'S+/=' },
    });
    const message = read(
      { type: 'BlockStart', choice: 0, block: 0, open: { type: 'Thinking' } },
      signature('anthropic', 0),
      { type: 'BlockStop', choice: 0, block: 0 },
      { type: 'BlockStart', choice: 0, block: 1, open: { type: 'Text' } },
      { type: 'Delta', choice: 0, block: 1, text: 'x' },
      signature('google', 1),
      { type: 'BlockStop', choice: 0, block: 1 },
      {
        type: 'BlockStart',
        choice: 0,
        block: 2,
        open: { type: 'ToolCall', id: 'c', name: 'f', signature: { vendor: 'google', value: 'C' } },
      },
      { type: 'BlockStop', choice: 0, block: 2 },
      {
        type: 'BlockStart',
        choice: 0,
        block: 3,
        open: { type: 'RedactedThinking', data: 'D', vendor: 'anthropic' },
      },
      { type: 'BlockStop', choice: 0, block: 3 },
      finish(),
      end,
    );
    expect(message.blocks.map(({ type, signature }) => [type, signature])).toEqual([
      ['thinking', 'S+/='],
      ['text', ''],
      ['thinking', 'outrider:google:S+/='],
      ['thinking', 'outrider-call:google:C'],
      ['tool_use', ''],
      ['redacted_thinking', ''],
    ]);
  });

  it('citations of its own kinds are deltas, others stand at the end of the block', () => {
    const cite = (citation: string): ChatEvent => ({ type: 'Citation', choice: 0, block: 0, citation });
    const own = '{"type":"page_location",\n"cited_text":"x"}';
    const foreign = '{"type":"url_citation",\n"url":"https://x"}';
    const message = read(
      { type: 'BlockStart', choice: 0, block: 0, open: { type: 'Text' } },
      { type: 'Delta', choice: 0, block: 0, text: 'x' },
      cite(own),
      cite(foreign),
      { type: 'BlockStop', choice: 0, block: 0 },
      finish(),
      end,
    );
    expect(message.blocks[0]).toMatchObject({
      citations: [JSON.parse(own)],
      annotations: [JSON.parse(foreign)],
    });
  });

  it('refusals are text, blocks of other vendors nothing, text of tools an input', () => {
    const message = read(
      ...told(
        [{ type: 'Refusal' }, 'No.'],
        [{ type: 'Native', vendor: 'openai', json: '{}' }],
        [{ type: 'Native', vendor: 'anthropic', json: '{"type":"web_search_tool_result",\n"content":[]}' }],
        [{ type: 'ToolCall', id: 'c', name: 'f', custom: true }, 'a "b"', '\n'],
      ),
      finish(),
      end,
    );
    expect(message.blocks.map(({ type }) => type)).toEqual(['text', 'web_search_tool_result', 'tool_use']);
    expect(JSON.parse(message.blocks[2]?.input ?? '')).toEqual({ input: 'a "b"\n' });
  });

  it.each([
    [{ reason: 'Stop', raw: 'stop' }, 'end_turn', null],
    [{ reason: 'StopSequence', raw: 'stop', sequence: 'END' }, 'stop_sequence', 'END'],
    [{ reason: 'StopSequence', raw: 'stop' }, 'end_turn', null],
    [{ reason: 'Length', raw: 'length' }, 'max_tokens', null],
    [{ reason: 'ContextWindow', raw: 'x' }, 'model_context_window_exceeded', null],
    [{ reason: 'ContentFilter', raw: 'content_filter' }, 'refusal', null],
    [{ reason: 'Refusal', raw: 'refusal' }, 'refusal', null],
    [{ reason: 'Pause', raw: 'pause_turn' }, 'pause_turn', null],
    [{ reason: 'Other', raw: 'eos_by_moon' }, 'end_turn', null],
  ] as const)('%j', (reason, stopReason, stopSequence) => {
    const message = read(
      ...told([{ type: 'Text' }, 'x']),
      { type: 'Finish', choice: 0, finish: reason },
      end,
    );
    expect(message).toMatchObject({ stopReason, stopSequence });
    expect(message.delta.outrider).toEqual(
      reason.reason === 'Other' ? { stop_reason: 'eos_by_moon' } : undefined,
    );
    const body = bodyOf(CALLER, responseOf({ blocks: [{ type: 'Text', text: 'x' }], finish: reason }));
    expect(body).toMatchObject({ stop_reason: stopReason, stop_sequence: stopSequence });
  });

  it('every order of blocks is a stream its clients take, and nothing in it is lost', () => {
    const open = fc.constantFrom<OpenBlock>(
      { type: 'Text' },
      { type: 'Thinking' },
      { type: 'Refusal' },
      { type: 'RedactedThinking', data: 'D', vendor: 'openai' },
      { type: 'ToolCall', id: 'id é', name: 'f' },
      { type: 'ToolCall', id: 'c', name: 'g', signature: { vendor: 'google', value: 's' } },
      { type: 'Native', vendor: 'openai', json: '{}' },
    );
    const pieces = fc.array(fc.string({ minLength: 1, unit: 'grapheme' }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(fc.tuple(open, pieces), { maxLength: 8 }), (parts) => {
        const filled = parts.map(([block, texts]): [OpenBlock, ...string[]] =>
          block.type === 'RedactedThinking' || block.type === 'Native' ? [block] : [block, ...texts],
        );
        const message = read(...told(...filled), finish(), usage, end);
        const visible = (type: string) => message.blocks.filter((block) => block.type === type);
        const text = filled.filter(([{ type }]) => type === 'Text' || type === 'Refusal');
        expect(visible('text').map((block) => block.text)).toEqual(
          text.map(([, ...texts]) => texts.join('')).filter((joined) => joined !== ''),
        );
        const calls = filled.filter(([{ type }]) => type === 'ToolCall');
        expect(visible('tool_use').map((block) => block.input)).toEqual(
          calls.map(([, ...texts]) => texts.join('')),
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe('whole answers', () => {
  it('say the same as streams', () => {
    const blocks: Block[] = [
      { type: 'Thinking', text: 'hm', signature: { vendor: 'anthropic', value: 'S' } },
      { type: 'Text', text: '' },
      { type: 'Text', text: 'Hi', citations: '[{"type":"char_location"},{"type":"url_citation","url":"u"}]' },
      { type: 'RedactedThinking', data: 'D', vendor: 'anthropic' },
      { type: 'ToolCall', id: 'functions.f:0', name: 'f', arguments: '{"q": 1.0}' },
      { type: 'ToolCall', id: 'c2', name: 'f', arguments: '' },
      { type: 'ToolCall', id: 'c3', name: 'f', arguments: '{"broken' },
    ];
    const body = CALLER.writeComplete(
      responseOf(
        { blocks, finish: { reason: 'Stop', raw: 'stop' } },
        { usage: USAGE, serviceTier: 'priority' },
      ),
      { requestId: 'r1', now: 0, model: 'm', request: {} as never },
    ).toString();
    expect(body).toContain('"input":{"q": 1.0}');
    expect(JSON.parse(body)).toMatchObject({
      id: 'msg_chatcmpl-1',
      type: 'message',
      role: 'assistant',
      model: 'some-model',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'S' },
        { type: 'text', text: 'Hi', citations: [{ type: 'char_location' }], annotations: [{ url: 'u' }] },
        { type: 'redacted_thinking', data: 'D' },
        { type: 'tool_use', id: 'toolu_enc_ZnVuY3Rpb25zLmY6MA', input: { q: 1 } },
        { type: 'tool_use', input: {} },
        { type: 'tool_use', input: { arguments: '{"broken' } },
      ],
      stop_reason: 'tool_use',
      usage: { input_tokens: 9, output_tokens: 10, service_tier: 'priority' },
    });
  });

  it('have numbers where the vendor gave none, and an id of ours', () => {
    expect(bodyOf(CALLER, responseOf({}, { id: undefined, model: undefined }))).toMatchObject({
      id: 'msg_r1',
      model: 'asked-model',
      content: [],
      usage: { input_tokens: 0, output_tokens: 0 },
    });
  });
});
