import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventMessage, eventStreamMessage } from '../../../../dev/providers/event-stream.ts';
import { EventStreamSplitter } from '../../../../sidecar/dialects/framing/event-stream.ts';
import { readMessageHeaders } from '../../../../sidecar/dialects/framing/message-headers.ts';

function split(bytes: Buffer, cuts: readonly number[], splitter = new EventStreamSplitter()) {
  const out: { kind: string; event: string; data: string }[] = [];
  const drain = (): void => {
    while (splitter.next()) {
      out.push({
        kind: splitter.kind,
        event: splitter.event.toString('hex'),
        data: splitter.data.toString(),
      });
    }
  };
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < edges.length; i++) {
    splitter.push(Buffer.from(bytes.subarray(edges[i - 1], edges[i])));
    drain();
  }
  splitter.end();
  drain();
  return { out, splitter };
}

const messages = ['{"a":1}', '', 'héllo', 'x'.repeat(3000)].map((payload, i) =>
  eventStreamMessage({ ':event-type': `t${i}`, ':message-type': 'event' }, payload),
);
const stream = Buffer.concat(messages);

describe('EventStreamSplitter', () => {
  it('reads the example of the format by hand', () => {
    // Headers {"content-type": "application/json"}, payload {'foo':'bar'}: the example in AWS's own test vectors.
    const bytes = Buffer.from(
      '0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b27666f6f273a27626172277d8d9c08b1',
      'hex',
    );
    const { out } = split(bytes, []);
    expect(out.map(({ kind, data }) => [kind, data])).toEqual([['Event', "{'foo':'bar'}"]]);
    expect(readMessageHeaders(bytes)).toEqual(new Map([['content-type', 'application/json']]));
  });

  it('gives the same messages wherever the bytes are cut', () => {
    const whole = split(stream, []).out;
    expect(whole.map(({ event }) => event).join('')).toBe(stream.toString('hex'));
    for (let at = 1; at < stream.length; at++) {
      expect(split(stream, [at]).out.length).toBe(whole.length);
    }
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
        expect(split(stream, cuts).out).toEqual(whole);
      }),
      { numRuns: 200 },
    );
    const every = Array.from({ length: stream.length - 1 }, (_, i) => i + 1);
    expect(split(stream, every).out).toEqual(whole);
  });

  it('ends the reading at any damaged byte, and tells nothing after it', () => {
    const small = Buffer.concat([eventMessage('a', { x: 1 }), eventMessage('b', { y: 2 })]);
    for (let at = 0; at < small.length; at++) {
      const bad = Buffer.from(small);
      bad[at] = (bad[at] as number) ^ 0x10;
      const { out, splitter } = split(bad, []);
      const before = at < eventMessage('a', { x: 1 }).length ? 0 : 1;
      expect(out.map(({ kind }) => kind)).toEqual([...Array<string>(before).fill('Event'), 'TooLong']);
      expect(splitter.damage).toMatch(/wrong|too long/);
    }
  });

  it('says what came of a message the stream ended in', () => {
    const { out } = split(stream.subarray(0, stream.length - 5), []);
    expect(out.at(-1)?.kind).toBe('Tail');
    expect(out.map(({ event }) => event).join('')).toBe(stream.subarray(0, -5).toString('hex'));
  });

  it('holds no more than it may', () => {
    const long = eventStreamMessage({ a: 'b' }, Buffer.alloc(5 * 1024 * 1024));
    const splitter = new EventStreamSplitter();
    splitter.push(long.subarray(0, 100));
    expect(splitter.next()).toBe(true);
    expect(splitter).toMatchObject({ kind: 'TooLong', damage: 'a message is too long', heldSize: 0 });
    expect(splitter.next()).toBe(false);

    const tight = new EventStreamSplitter(64);
    tight.push(messages[0] as Buffer);
    expect(tight.next()).toBe(true);
    expect(tight.kind).toBe('Event');
    tight.push((messages[3] as Buffer).subarray(0, 200));
    expect(tight.next()).toBe(true);
    expect(tight).toMatchObject({ kind: 'TooLong', damage: 'a message is too long to hold' });
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(fc.nat(200), { maxLength: 4 }),
        (bytes, cuts) => {
          const buffer = Buffer.from(bytes);
          const { out } = split(
            buffer,
            cuts.map((cut) => Math.min(cut, buffer.length)),
          );
          expect(out.length).toBeLessThanOrEqual(bytes.length);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('readMessageHeaders', () => {
  it('steps over headers that are no text', () => {
    const parts = [
      Buffer.from([1, 0x61, 0]),
      Buffer.from([1, 0x62, 4, 0, 0, 0, 9]),
      Buffer.from([1, 0x63, 6, 0, 2, 1, 2]),
      Buffer.from([1, 0x64, 9, ...Array<number>(16).fill(7)]),
      Buffer.from([1, 0x65, 7, 0, 1, 0x78]),
    ];
    const headers = Buffer.concat(parts);
    const message = Buffer.alloc(16 + headers.length);
    message.writeUInt32BE(message.length, 0);
    message.writeUInt32BE(headers.length, 4);
    headers.copy(message, 12);
    expect(readMessageHeaders(message)).toEqual(new Map([['e', 'x']]));
    message[12 + headers.length - 2] = 200;
    expect(readMessageHeaders(message)).toBeUndefined();
  });
});
