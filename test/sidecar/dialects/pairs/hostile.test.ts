/** Streams that would grow without end: what is held of them stays small. */
import { describe, expect, it } from 'vitest';
import { eventMessage } from '../../../../dev/providers/event-stream.ts';
import { emptyRequest } from '../../../../sidecar/dialects/canonical/empty-request.ts';
import type { ChatEvent } from '../../../../sidecar/dialects/canonical/response.ts';
import type { VendorFormat } from '../../../../sidecar/dialects/chat-format.ts';
import type { WireReader } from '../../../../sidecar/dialects/dialect.ts';
import { VENDOR_WIRES, VENDORS } from '../../../../sidecar/dialects/formats.ts';
import { openSplitter } from '../../../../sidecar/dialects/splitter.ts';

const PIECE = 'x'.repeat(64 * 1024);
const sse = (payload: object): Buffer => Buffer.from(`data: ${JSON.stringify(payload)}\n\n`);

const STREAMS = {
  gemini: {
    first: sse({ candidates: [{ content: { parts: [{ text: 'a' }] } }] }),
    more: sse({ candidates: [{ content: { parts: [{ text: PIECE }] } }] }),
    endless: Buffer.from(`data: {"candidates":[{"content":{"parts":[{"text":"`),
  },
  'bedrock-converse': {
    first: Buffer.concat([
      eventMessage('messageStart', { role: 'assistant' }),
      eventMessage('contentBlockStart', {
        contentBlockIndex: 0,
        start: { toolUse: { toolUseId: 't', name: 'shell' } },
      }),
    ]),
    more: eventMessage('contentBlockDelta', { contentBlockIndex: 0, delta: { toolUse: { input: PIECE } } }),
    endless: eventMessage('x', {}).fill(0xff, 0, 4),
  },
  'cohere-chat': {
    first: sse({
      type: 'tool-call-start',
      delta: { message: { tool_calls: { id: 't', function: { name: 'shell' } } } },
    }),
    more: sse({
      type: 'tool-call-delta',
      delta: { message: { tool_calls: { function: { arguments: PIECE } } } },
    }),
    endless: Buffer.from('data: {"type":"content-delta","delta":"'),
  },
} as const;

const tools = [
  { type: 'Custom' as const, name: 'shell', description: undefined, schema: undefined, strict: undefined },
];

describe.each(Object.entries(STREAMS))('%s', (name, { first, more, endless }) => {
  const wire = VENDOR_WIRES[name as keyof typeof STREAMS] as WireReader;
  const vendor = VENDORS[name as keyof typeof STREAMS] as VendorFormat;

  it('keeps no more of a stream than what it may yet need', () => {
    const splitter = openSplitter(wire, true);
    const reader = wire.openStream();
    const source = vendor.openReader({ ...emptyRequest(), tools });
    let longest = 0;
    const emit = (event: ChatEvent): void => {
      if (event.type === 'Delta') longest = Math.max(longest, event.text.length);
    };
    splitter.push(first);
    // 32 MiB, of which text for a tool is held up to 4 MiB, and nothing else.
    for (let i = 0; i <= 512; i++) {
      while (splitter.next()) {
        const reading = reader.read(splitter.event, splitter.data);
        expect(reading.error).toBeUndefined();
        source.read(splitter.data, reading, emit);
      }
      splitter.push(more);
    }
    source.end(emit);
    expect(longest).toBeLessThan(4.2 * 1024 * 1024);
    expect(splitter.heldSize).toBe(0);
  });

  it('gives up on an event without end', () => {
    const splitter = openSplitter(wire, true);
    splitter.push(endless);
    let kind: string | undefined;
    for (let i = 0; i < 200 && kind !== 'TooLong'; i++) {
      while (splitter.next()) kind = splitter.kind;
      if (kind !== 'TooLong') splitter.push(Buffer.from(PIECE));
    }
    expect(kind).toBe('TooLong');
    expect(splitter.heldSize).toBe(0);
  });
});
