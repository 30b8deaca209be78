/** Answers that no honest vendor gives: each would go on for ever. */
import { crc32 } from 'node:zlib';
import { eventMessage } from '../../dev/providers/event-stream.ts';

export interface Hostile {
  name: string;
  /** Dialect of the vendor. */
  vendor: string;
  /** Not a stream of events but one JSON body. */
  whole?: true;
  first: Buffer;
  /** What follows, again and again; a function for what changes from one to the next. */
  more: Buffer | ((index: number) => Buffer);
  /** Bytes by bytes, as chunks of their own. */
  crumbs?: true;
}

const TEXT = 'x'.repeat(16 * 1024);
const sse = (payload: object): Buffer => Buffer.from(`data: ${JSON.stringify(payload)}\n\n`);
const chunk = (delta: object): Buffer =>
  sse({ id: 'c', object: 'chat.completion.chunk', model: 'm', choices: [{ index: 0, delta }] });
const named = (type: string, rest: object): Buffer =>
  Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`);
const begin = (block: object, index = 0): Buffer =>
  named('content_block_start', { index, content_block: block });
const delta = (piece: object, index = 0): Buffer => named('content_block_delta', { index, delta: piece });
const stop = (index: number): Buffer => named('content_block_stop', { index });

const message = named('message_start', {
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    usage: { input_tokens: 1, output_tokens: 1 },
  },
});
const after = (...events: Buffer[]): Buffer => Buffer.concat([message, ...events]);
const calling = (index: number): Buffer =>
  chunk({
    tool_calls: [
      { index, id: `call_${index}`, type: 'function', function: { name: 'f', arguments: '{"a":' } },
    ],
  });

/** The head of a message of AWS that says it is as long as this, with the right checksum. */
function head(length: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(length, 0);
  bytes.writeUInt32BE(0, 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8);
  return bytes;
}

export const STREAMS: readonly Hostile[] = [
  {
    name: 'an event without an end',
    vendor: 'anthropic-messages',
    first: after(Buffer.from('data: {"type":"')),
    more: Buffer.from(TEXT),
  },
  {
    name: 'an event without an end, byte by byte',
    vendor: 'openai-chat',
    first: Buffer.from('data: {"id":"'),
    more: Buffer.from(TEXT.slice(0, 2048)),
    crumbs: true,
  },
  {
    name: 'an event of endless lines',
    vendor: 'openai-chat',
    first: chunk({ content: 'a' }),
    more: Buffer.from('data: x\n'.repeat(2048)),
  },
  {
    name: 'endless comments',
    vendor: 'openai-chat',
    first: chunk({ content: 'a' }),
    more: Buffer.from(': x\n\n'.repeat(3000)),
  },
  {
    name: 'endless tiny events',
    vendor: 'openai-chat',
    first: chunk({ content: 'a' }),
    more: Buffer.concat(Array.from({ length: 100 }, () => chunk({ content: 'a' }))),
  },
  {
    name: 'endless text',
    vendor: 'gemini',
    first: sse({ candidates: [{ content: { parts: [{ text: 'a' }] } }] }),
    more: sse({ candidates: [{ content: { parts: [{ text: TEXT }] } }] }),
  },
  {
    name: 'deep JSON',
    vendor: 'openai-chat',
    first: chunk({ content: 'a' }),
    more: Buffer.from(`data: ${'['.repeat(1024 * 1024)}\n\n`),
  },
  {
    name: 'a flat list of millions',
    vendor: 'anthropic-messages',
    first: after(begin({ type: 'text', text: '' })),
    more: Buffer.from(
      `data: {"type":"content_block_start","index":1,"content_block":{"type":"x","y":[${'0,'.repeat(1_500_000)}0]}}\n\n`,
    ),
  },
  {
    name: 'huge tool arguments',
    vendor: 'openai-chat',
    first: calling(0),
    more: chunk({ tool_calls: [{ index: 0, function: { arguments: TEXT } }] }),
  },
  { name: 'endless tool calls', vendor: 'openai-chat', first: calling(0), more: (i) => calling(i + 1) },
  {
    name: 'endless thinking',
    vendor: 'anthropic-messages',
    first: after(begin({ type: 'thinking', thinking: '', signature: '' })),
    more: delta({ type: 'thinking_delta', thinking: TEXT }),
  },
  {
    name: 'endless thinking in tiny pieces',
    vendor: 'anthropic-messages',
    first: after(begin({ type: 'thinking', thinking: '', signature: '' })),
    more: Buffer.concat(Array.from({ length: 100 }, () => delta({ type: 'thinking_delta', thinking: 'ab' }))),
  },
  {
    name: 'endless empty blocks',
    vendor: 'anthropic-messages',
    first: after(),
    more: (i) => Buffer.concat([begin({ type: 'tool_use', id: `t${i}`, name: 'f', input: {} }, i), stop(i)]),
  },
  {
    name: 'endless citations',
    vendor: 'anthropic-messages',
    first: after(begin({ type: 'text', text: '' }), delta({ type: 'text_delta', text: 'a' })),
    more: delta({ type: 'citations_delta', citation: { type: 'char_location', cited_text: TEXT } }),
  },
  {
    name: 'endless items',
    vendor: 'openai-responses',
    first: named('response.created', { response: { id: 'resp_1', model: 'm' } }),
    more: (i) =>
      named('response.output_text.delta', {
        output_index: i,
        item_id: `m${i}`,
        content_index: 0,
        delta: 'ab',
      }),
  },
  { name: 'a frame of 4 GiB', vendor: 'bedrock-converse', first: head(0xffffffff), more: Buffer.from(TEXT) },
  {
    name: 'a frame just within bounds, of noise',
    vendor: 'bedrock-converse',
    first: Buffer.concat([eventMessage('messageStart', { role: 'assistant' }), head(4 * 1024 * 1024)]),
    more: Buffer.from(TEXT),
  },
  {
    name: 'a whole answer without an end',
    vendor: 'openai-chat',
    whole: true,
    first: Buffer.from('{"choices":[{"message":{"content":"'),
    more: Buffer.from(TEXT),
  },
];
