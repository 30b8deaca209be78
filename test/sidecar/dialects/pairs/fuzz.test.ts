/**
 * Bytes that nobody meant to send, to everything that reads bytes of others: it may refuse them in our words, and throws
 * nothing else. `FUZZ_RUNS` sets the number of cases for each reader.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callsOf, streamOf, wholeOf } from '../../../../bench/dialects/answers.ts';
import { OutriderError } from '../../../../errors/table.ts';
import { emptyRequest } from '../../../../sidecar/dialects/canonical/empty-request.ts';
import type { DialectName } from '../../../../sidecar/dialects/dialect.ts';
import { CALLERS as FORMATS, VENDOR_WIRES, VENDORS } from '../../../../sidecar/dialects/formats.ts';
import { FAMILIES } from '../../../../sidecar/dialects/registry.ts';
import { openSplitter } from '../../../../sidecar/dialects/splitter.ts';
import { openTranslation } from '../../../../sidecar/dialects/translation.ts';
import { CALLERS } from '../../matrix/callers.ts';
import { wireNamed } from './wires.ts';

const numRuns = Number(process.env.FUZZ_RUNS ?? 200);
const TOOL = {
  name: 'f',
  description: 'd',
  schema: { type: 'object', properties: { a: { type: 'string' } } },
};

/** Words that formats are made of: random bytes alone seldom get past the first bracket. */
const WORDS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '\\u',
  '\\ud800',
  'null',
  'true',
  '-1',
  '1e999',
  '0.5',
  '{}',
  '[]',
  '""',
  '\n',
  '\r',
  '\n\n',
  'data: ',
  'event: error\n',
  'data: [DONE]\n\n',
  '\u00ff',
  '\u0000',
  '𝄞',
  '"__proto__":',
  '"type":',
].map((word) => Buffer.from(word));

type Edit =
  | { kind: 'Put'; at: number; bytes: Buffer }
  | { kind: 'Set'; at: number; byte: number }
  | { kind: 'Cut'; at: number; length: number }
  | { kind: 'Repeat'; at: number; length: number; times: number };

const at = fc.double({ min: 0, max: 1, noNaN: true });
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant('Put' as const), at, bytes: fc.constantFrom(...WORDS) }),
  fc.record({
    kind: fc.constant('Put' as const),
    at,
    bytes: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({ kind: fc.constant('Set' as const), at, byte: fc.nat(255) }),
  fc.record({ kind: fc.constant('Cut' as const), at, length: fc.nat(60) }),
  fc.record({ kind: fc.constant('Repeat' as const), at, length: fc.nat(200), times: fc.nat(20) }),
);
const edits = fc.array(edit, { maxLength: 6 });

function mutate(sample: Buffer, all: readonly Edit[]): Buffer {
  let bytes = sample;
  for (const one of all) {
    const place = Math.floor(one.at * bytes.length);
    const before = bytes.subarray(0, place);
    const behind = bytes.subarray(place);
    if (one.kind === 'Put') bytes = Buffer.concat([before, one.bytes, behind]);
    else if (one.kind === 'Set') bytes = Buffer.concat([before, Buffer.of(one.byte), behind.subarray(1)]);
    else if (one.kind === 'Cut') bytes = Buffer.concat([before, behind.subarray(one.length)]);
    else {
      const again = Array.from({ length: one.times }, () => behind.subarray(0, one.length));
      bytes = Buffer.concat([before, ...again, behind]);
    }
  }
  return bytes;
}

const VALUES = [
  'null',
  '[]',
  '{}',
  '1',
  '-0.5',
  '1e400',
  '""',
  '"x"',
  'true',
  '[null]',
  '[{}]',
  '{"type":"x"}',
  '{"a":[1]}',
  '[["x"]]',
];
const VALUE =
  /("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null|\{\}|\[\])(?=[,}\]])|\{[^{}]*\}|\[[^[\]]*\]/g;

/** Where a value is replaced, and by which. */
const swap = fc.record({ at, by: fc.constantFrom(...VALUES) });

/** Well-formed JSON still, of another shape. */
function reshape(sample: Buffer, swaps: readonly { at: number; by: string }[]): Buffer {
  let text = sample.toString();
  for (const one of swaps) {
    const found = [...text.matchAll(VALUE)];
    const match = found[Math.floor(one.at * found.length)];
    if (match) text = text.slice(0, match.index) + one.by + text.slice(match.index + match[0].length);
  }
  return Buffer.from(text);
}

/** Runs it; what is thrown must be ours. */
function holds(run: () => void): void {
  try {
    run();
  } catch (thrown) {
    if (!(thrown instanceof OutriderError)) throw thrown;
  }
}

function property(samples: readonly Buffer[], check: (bytes: Buffer) => void): () => void {
  const bytes = fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .tuple(fc.constantFrom(...samples), fc.array(swap, { minLength: 1, maxLength: 4 }))
        .map(([one, swaps]) => reshape(one, swaps)),
    },
    {
      weight: 9,
      arbitrary: fc.tuple(fc.constantFrom(...samples), edits).map(([one, all]) => mutate(one, all)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one)) },
  );
  return () => {
    fc.assert(
      fc.property(bytes, (one) => {
        holds(() => check(one));
      }),
      { numRuns },
    );
  };
}

const requests = CALLERS.flatMap((caller) =>
  [
    { user: 'Hello', system: 'Be brief.', stop: 'x', cap: 9 },
    { user: 'Hello', tools: [TOOL], force: 'f', schema: TOOL.schema, thinks: true },
    { user: 'Hello', image: { mediaType: 'image/png', data: 'aGVsbG8=' } },
  ].map((asked) => Buffer.from(JSON.stringify(caller.request(asked, true)))),
);

describe('requests', () => {
  const dialects = FAMILIES.flatMap(({ endpoints }) => endpoints.map(({ dialect }) => dialect));
  it.each(dialects.map((dialect) => [dialect.name, dialect] as const))('%s', (name, dialect) => {
    const format = FORMATS[name];
    expect(
      property(requests, (bytes) => {
        const { body } = dialect.readRequest(bytes);
        format?.readChat(body);
      }),
    ).not.toThrow();
  });
});

const vendors = Object.entries(VENDORS) as [DialectName, NonNullable<(typeof VENDORS)[DialectName]>][];
const asked = {
  ...emptyRequest(),
  tools: [{ type: 'Custom' as const, name: 'f', description: '', schema: undefined, strict: undefined }],
};

describe('answers', () => {
  it.each(vendors)('whole ones of %s', (name, vendor) => {
    const wire = wireNamed(name);
    expect(
      property([wholeOf(name)], (bytes) => {
        wire.readError(bytes);
        const reading = wire.readComplete(bytes);
        wire.readUsage(reading.usage);
        if (reading.error !== undefined) return;
        for (const caller of Object.values(FORMATS)) {
          const context = { requestId: 'r', now: 1, model: 'm', request: asked };
          JSON.parse(openTranslation(caller, vendor, context).complete(bytes).toString());
        }
      }),
    ).not.toThrow();
  });

  it.each(vendors)('streams of %s', (name, vendor) => {
    const wire = wireNamed(name);
    const stream = Buffer.concat(streamOf(name));
    expect(
      property([stream, stream.subarray(0, 2000), ...streamOf(name)], (bytes) => {
        for (const caller of Object.values(FORMATS)) {
          const context = { requestId: 'r', now: 1, model: 'm', request: asked };
          const translation = openTranslation(caller, vendor, context).openStream();
          const reader = wire.openStream();
          const splitter = openSplitter(wire, true);
          // Odd pieces, so that events are held in part.
          for (let from = 0; from < bytes.length + 701; from += 701) {
            if (from < bytes.length) splitter.push(bytes.subarray(from, from + 701));
            else splitter.end();
            while (splitter.next()) {
              if (!splitter.hasData) continue;
              const reading = reader.read(splitter.event, splitter.data);
              wire.readUsage(reading.usage);
              if (reading.error === undefined) translation.event(splitter.data, reading);
            }
          }
          translation.end();
        }
      }),
    ).not.toThrow();
  });

  it.each(vendors)('events of %s that hold something else', (name, vendor) => {
    const wire = wireNamed(name);
    const whole: { event: Buffer; data: Buffer }[] = [];
    const splitter = openSplitter(wire, true);
    for (const piece of [...streamOf(name), ...callsOf(name)]) {
      splitter.push(piece);
      while (splitter.next())
        if (splitter.hasData) whole.push({ event: splitter.event, data: splitter.data });
    }
    const change = fc.record({ at, swaps: fc.array(swap, { minLength: 1, maxLength: 3 }) });
    const fuzzed = (): void =>
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
          const events = whole.map(({ event, data }) => ({ event, data }));
          for (const { at: place, swaps } of changes) {
            const one = events[Math.floor(place * events.length)];
            if (one) one.data = reshape(one.data, swaps);
          }
          for (const caller of Object.values(FORMATS)) {
            const context = { requestId: 'r', now: 1, model: 'm', request: asked };
            const translation = openTranslation(caller, vendor, context).openStream();
            const reader = wire.openStream();
            holds(() => {
              for (const { event, data } of events) {
                const reading = reader.read(event, data);
                wire.readUsage(reading.usage);
                if (reading.error === undefined) translation.event(data, reading);
              }
              translation.end();
            });
          }
        }),
        { numRuns },
      );
    expect(fuzzed).not.toThrow();
  });

  it.each(Object.values(VENDOR_WIRES).map((wire) => [wire.name, wire] as const))(
    'errors of %s',
    (_, wire) => {
      const samples = [
        '{"error":{"code":1,"message":"m","status":"S","details":[{"retryDelay":"1s"}]}}',
        '{"message":"m"}',
      ];
      expect(
        property(
          samples.map((text) => Buffer.from(text)),
          (bytes) => void wire.readError(bytes),
        ),
      ).not.toThrow();
    },
  );
});
