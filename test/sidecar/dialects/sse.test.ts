import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SseSplitter } from '../../../sidecar/dialects/sse.ts';

interface Seen {
  kind: string;
  event: string;
  data: string | undefined;
}

function split(chunks: readonly Buffer[], splitter = new SseSplitter()): Seen[] {
  const seen: Seen[] = [];
  const drain = () => {
    while (splitter.next()) {
      seen.push({
        kind: splitter.kind,
        event: splitter.event.toString('latin1'),
        data: splitter.hasData ? splitter.data.toString() : undefined,
      });
    }
  };
  for (const chunk of chunks) {
    splitter.push(chunk);
    drain();
  }
  splitter.end();
  drain();
  return seen;
}

const whole = (text: string) => split([Buffer.from(text)]);
const payloads = (seen: Seen[]) => seen.filter((s) => s.data !== undefined).map((s) => s.data);

describe('SseSplitter', () => {
  it.each([
    ['LF', 'data: a\n\ndata: b\n\n', ['a', 'b']],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['CR', 'data: a\r\rdata: b\r\r', ['a', 'b']],
    ['mixed line ends', 'data: a\r\n\ndata: b\n\r\ndata: c\r\r\n', ['a', 'b', 'c']],
    ['no space behind the colon', 'data:a\n\n', ['a']],
    ['two spaces', 'data:  a\n\n', [' a']],
    ['several data lines', 'data: a\ndata\ndata:b\n\n', ['a\n\nb']],
    ['comments and other fields', ': ping\nid: 7\nevent: x\ndata: a\nretry: 5\n\n', ['a']],
    ['fields that only begin like data', 'database: a\n\ndata: b\n\n', ['b']],
    ['a byte order mark', '\ufeffdata: a\n\n', ['a']],
    ['a second byte order mark, which is part of a name', 'data: a\n\n\ufeffdata: b\n\n', ['a']],
    ['an empty payload', 'data:\n\ndata: \n\n', ['', '']],
    ['blank lines in between', '\n\ndata: a\n\n\n\n', ['a']],
  ])('reads %s', (_, text, expected) => {
    const seen = whole(text);
    expect(payloads(seen)).toEqual(expected);
    expect(seen.every((s) => s.kind === 'Event')).toBe(true);
    expect(Buffer.from(seen.map((s) => s.event).join(''), 'latin1').toString()).toBe(text);
  });

  it('hands out views of the chunk, not copies', () => {
    const chunk = Buffer.from('data: {"a":1}\n\ndata: [DONE]\n\n');
    const splitter = new SseSplitter();
    splitter.push(chunk);
    expect(splitter.next()).toBe(true);
    expect(splitter.event.buffer).toBe(chunk.buffer);
    expect(splitter.data.buffer).toBe(chunk.buffer);
  });

  it('gives a comment out as an event without data', () => {
    expect(whole(': keep-alive\n\n')).toEqual([
      { kind: 'Event', event: ': keep-alive\n\n', data: undefined },
    ]);
  });

  it('gives out what is left at the end of the stream as a tail', () => {
    expect(whole('data: a\n\ndata: [DONE]')).toEqual([
      { kind: 'Event', event: 'data: a\n\n', data: 'a' },
      { kind: 'Tail', event: 'data: [DONE]', data: '[DONE]' },
    ]);
    expect(whole('data: a\r\n\r')).toEqual([{ kind: 'Event', event: 'data: a\r\n\r', data: 'a' }]);
  });

  it('gives the same events wherever the chunks are cut', () => {
    const text =
      '\ufeffdata: {"t":"h\u00e9\u4e2d"}\n\n: ping\n\ndata: x\ndata: y\n\nevent: e\ndata:z\n\ndata: [DONE]\n\n';
    for (const stream of [text, text.replaceAll('\n', '\r\n')]) {
      const bytes = Buffer.from(stream);
      const expected = split([bytes]);
      for (let i = 1; i < bytes.length; i++) {
        expect(split([bytes.subarray(0, i), bytes.subarray(i)])).toEqual(expected);
      }
      expect(split([...bytes].map((byte) => Buffer.from([byte])))).toEqual(expected);
    }
  });

  it('gives the same payloads and every byte for any line ends and any cuts', () => {
    const line = fc.oneof(
      fc
        .string({ unit: fc.constantFrom('a', 'b', ' ', ':', 'é', '"'), maxLength: 6 })
        .map((s) => `data: ${s}`),
      fc.constantFrom(': c', 'event: e', 'data', 'id:1'),
    );
    const end = fc.constantFrom('\n', '\r\n', '\r');
    const stream = fc
      .array(fc.tuple(fc.array(fc.tuple(line, end), { maxLength: 3 }), end), { maxLength: 6 })
      .map((events) =>
        events.map(([lines, blank]) => lines.map(([text, eol]) => text + eol).join('') + blank).join(''),
      );
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
        const bytes = Buffer.from(text);
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const chunks = at.slice(1).map((to, i) => bytes.subarray(at[i], to));
        const seen = split(chunks);
        expect(payloads(seen)).toEqual(payloads(split([bytes])));
        expect(seen.map((s) => s.event).join('')).toBe(bytes.toString('latin1'));
      }),
      { numRuns: 2000 },
    );
  });

  it('lets an event that is too long to hold out in pieces', () => {
    const long = `data: ${'x'.repeat(1000)}\n\n`;
    const bytes = Buffer.from(`data: a\n\n${long}data: b\n\n`);
    const chunks: Buffer[] = [];
    for (let i = 0; i < bytes.length; i += 100) chunks.push(bytes.subarray(i, i + 100));
    const splitter = new SseSplitter(256, 'Forward');
    const seen = split(chunks, splitter);
    const pieces = seen.filter((s) => s.kind === 'Piece');
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.map((s) => s.event).join('')).toBe(long);
    expect(payloads(seen)).toEqual(['a', 'b']);
    expect(splitter.midPiece).toBe(false);
    expect(seen.map((s) => s.event).join('')).toBe(bytes.toString());
  });

  it('knows that a stream broke inside such an event', () => {
    const splitter = new SseSplitter(10, 'Forward');
    splitter.push(Buffer.from('data: 0123456789'));
    expect(splitter.next()).toBe(true);
    expect(splitter.kind).toBe('Piece');
    expect(splitter.next()).toBe(false);
    expect(splitter.midPiece).toBe(true);
  });

  it('ends the reading at an event beyond the limit where it must be read whole', () => {
    const splitter = new SseSplitter(64, 'Fail');
    splitter.push(Buffer.from(`data: a\n\ndata: ${'x'.repeat(100)}`));
    expect(splitter.next()).toBe(true);
    expect(splitter.data.toString()).toBe('a');
    expect(splitter.next()).toBe(true);
    expect(splitter.kind).toBe('TooLong');
    splitter.push(Buffer.from('\n\ndata: b\n\n'));
    expect(splitter.next()).toBe(false);
  });

  it('takes an event of many small chunks in linear time', () => {
    const splitter = new SseSplitter(4 * 1024 * 1024, 'Fail');
    const seen = split(
      [...Array.from({ length: 100_000 }, () => Buffer.from('data: 0123456789\n')), Buffer.from('\n')],
      splitter,
    );
    expect(seen).toHaveLength(1);
    expect(seen[0]?.data).toHaveLength(100_000 * 11 - 1);
  });

  it('keeps nothing of a chunk while the stream is idle', () => {
    const splitter = new SseSplitter();
    splitter.push(Buffer.from('data: a\n\n'));
    while (splitter.next()) expect(splitter.kind).toBe('Event');
    expect(splitter.heldSize).toBe(0);
    expect(splitter.event).toHaveLength(0);
    expect(splitter.data).toHaveLength(0);
  });
});
