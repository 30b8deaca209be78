import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventReader, type ServerEvent } from '../../../sidecar/snapshot/event-reader.ts';

function readAll(text: string, cuts: number[] = []): ServerEvent[] {
  const reader = new EventReader();
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
  return places.slice(1).flatMap((end, index) => reader.read(bytes.subarray(places[index], end)));
}

describe('event reader', () => {
  it('reads events, their types, and data over several lines', () => {
    expect(readAll('event: snapshot\nid: 1\ndata: {"a":\ndata: 1}\n\ndata:x\n\n: beat\n\n')).toEqual([
      { type: 'snapshot', data: '{"a":\n1}' },
      { type: 'message', data: 'x' },
    ]);
  });

  it('takes either line end and leaves an unfinished event alone', () => {
    expect(readAll('event: a\r\ndata: 1\r\n\r\nevent: b\ndata: 2\n')).toEqual([{ type: 'a', data: '1' }]);
  });

  it('makes no event of a type without data', () => {
    expect(readAll('event: a\n\ndata: 1\n\n')).toEqual([{ type: 'message', data: '1' }]);
  });

  it('reads the same however the bytes are cut', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, ''));
    const event = fc.record({ type: word.filter((type) => type !== ''), data: word });
    const cuts = fc.array(fc.nat(400), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), cuts, (events, places) => {
        const text = events.map(({ type, data }) => `event: ${type}\ndata: ${data}\n\n`).join(':\n\n');
        expect(readAll(text, places)).toEqual(events);
      }),
    );
  });

  it.each([
    ['one endless line', 'data: '.padEnd(70_000, 'x')],
    ['endless lines', 'data: 0123456789\n'.repeat(5_000)],
    ['endless lines that mean nothing', 'x\n'.repeat(70_000)],
  ])('gives up on %s', (_, text) => {
    const reader = new EventReader();
    const chunks = text.match(/[^]{1,1000}/g) ?? [];
    expect(() => chunks.map((chunk) => reader.read(Buffer.from(chunk)))).toThrow('too long');
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        const reader = new EventReader();
        expect(Array.isArray(reader.read(Buffer.from(bytes)))).toBe(true);
      }),
    );
  });
});
