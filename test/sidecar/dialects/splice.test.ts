import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readChatRequest } from '../../../sidecar/dialects/openai/chat-request.ts';
import { ambiguousMember, spliceBody } from '../../../sidecar/dialects/splice.ts';
import type { PatchBody } from '../../../sidecar/snapshot/schema.ts';

const NO_PATCH: PatchBody = { set: [], default: [], remove: [], headers: [] };

function splice(
  body: string,
  options: { model?: string; patch?: Partial<PatchBody>; includeUsage?: boolean } = {},
) {
  const spliced = spliceBody(readChatRequest(Buffer.from(body)), {
    model: options.model,
    patch: { ...NO_PATCH, ...options.patch },
    includeUsage: options.includeUsage ?? false,
  });
  const bytes = Buffer.concat(spliced.chunks);
  expect(spliced.length).toBe(bytes.length);
  return { ...spliced, text: bytes.toString() };
}

const M = '"messages":[]';

describe('an answer that nobody shall keep', () => {
  it.each([
    [`{"model":"a",${M}}`, `{"model":"a",${M},"store":false}`, false],
    [`{"store":true,${M}}`, `{"store":false,${M}}`, true],
    [`{"store": null ,${M}}`, `{"store": false ,${M}}`, true],
  ])('%s', (body, expected, lossy) => {
    const patch = NO_PATCH;
    const options = { model: undefined, patch, includeUsage: false, unstored: true };
    const spliced = spliceBody(readChatRequest(Buffer.from(body)), options);
    expect(Buffer.concat(spliced.chunks).toString()).toBe(expected);
    expect(spliced.changes).toEqual([{ member: 'store', action: 'Set', lossy }]);
  });
});

describe('spliceBody', () => {
  it('passes an untouched body as the very Buffer that came in', () => {
    const body = Buffer.from(`{"model":"a",${M}}`);
    const spliced = spliceBody(readChatRequest(body), { model: 'a', patch: NO_PATCH, includeUsage: false });
    expect(spliced.chunks).toEqual([body]);
    expect(spliced.chunks[0]).toBe(body);
    expect(spliced.changes).toEqual([]);
  });

  it.each([
    [
      'the model',
      `{ "model" : "a" , ${M}, "seed":1.0e2 }`,
      { model: 'b' },
      `{ "model" : "b" , ${M}, "seed":1.0e2 }`,
    ],
    ['a model with quotes', `{"model":"a",${M}}`, { model: 'b"c' }, `{"model":"b\\"c",${M}}`],
    ['a missing model', `{${M}}`, { model: 'b' }, `{${M},"model":"b"}`],
    [
      'a set member',
      `{${M},"top_p":1,"x":2}`,
      { patch: { set: [{ name: 'top_p', value: 0.5 }] } },
      `{${M},"top_p":0.5,"x":2}`,
    ],
    [
      'a set member that is absent',
      `{${M}}`,
      { patch: { set: [{ name: 'seed', value: { a: [1] } }] } },
      `{${M},"seed":{"a":[1]}}`,
    ],
    [
      'a default that is absent',
      `{${M} }`,
      { patch: { default: [{ name: 'seed', value: 1 }] } },
      `{${M},"seed":1 }`,
    ],
    [
      'a default that is there',
      `{${M},"seed":2}`,
      { patch: { default: [{ name: 'seed', value: 1 }] } },
      `{${M},"seed":2}`,
    ],
    ['a removal in front', `{"seed":1, ${M}}`, { patch: { remove: ['seed'] } }, `{${M}}`],
    [
      'a removal in the middle',
      `{"a":1 , "seed":1, ${M}}`,
      { patch: { remove: ['seed'] } },
      `{"a":1 , ${M}}`,
    ],
    ['a removal at the end', `{${M}, "seed":1 }`, { patch: { remove: ['seed'] } }, `{${M} }`],
    ['several removals', `{"a":1,${M},"b":2,"c":3}`, { patch: { remove: ['a', 'b', 'c'] } }, `{${M}}`],
    [
      'a removal and an addition',
      `{${M},"b":2}`,
      { patch: { remove: ['b'], set: [{ name: 'd', value: 4 }] } },
      `{${M},"d":4}`,
    ],
    ['a removal of nothing', `{${M}}`, { patch: { remove: ['b'] } }, `{${M}}`],
    [
      'what the request is about',
      `{"model":"a",${M}}`,
      { patch: { remove: ['model', 'messages'] } },
      `{"model":"a",${M}}`,
    ],
  ])('handles %s', (_, body, options, expected) => {
    const { text } = splice(body, options);
    expect(text).toBe(expected);
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });

  it.each([
    ['absent', `{${M}}`, `{${M},"stream_options":{"include_usage":true}}`],
    ['null', `{"stream_options": null,${M}}`, `{"stream_options": {"include_usage":true},${M}}`],
    ['empty', `{"stream_options":{ },${M}}`, `{"stream_options":{"include_usage":true },${M}}`],
    ['without it', `{"stream_options":{"a":1},${M}}`, `{"stream_options":{"include_usage":true,"a":1},${M}}`],
    [
      'false',
      `{"stream_options":{"a":1, "include_usage" : false},${M}}`,
      `{"stream_options":{"a":1, "include_usage" : true},${M}}`,
    ],
    [
      'null inside',
      `{"stream_options":{"include_usage":null},${M}}`,
      `{"stream_options":{"include_usage":true},${M}}`,
    ],
    [
      'true',
      `{"stream_options":{"include_usage":true},${M}}`,
      `{"stream_options":{"include_usage":true},${M}}`,
    ],
  ])('asks for usage when stream_options is %s', (_, body, expected) => {
    expect(splice(body, { includeUsage: true }).text).toBe(expected);
  });

  it('asks for usage even where a patch removes the option the caller sent', () => {
    const { text } = splice(`{"stream_options":{"a":1},${M}}`, {
      includeUsage: true,
      patch: { remove: ['stream_options'] },
    });
    expect(JSON.parse(text)).toEqual({ stream_options: { include_usage: true }, messages: [] });
  });

  it('says what was changed, and what the caller lost by it', () => {
    const { changes } = splice(`{"model":"a",${M},"top_p":1,"seed":1,"user":"u"}`, {
      model: 'b',
      includeUsage: true,
      patch: {
        set: [
          { name: 'top_p', value: 1 },
          { name: 'seed', value: 2 },
          { name: 'new', value: 3 },
        ],
        default: [{ name: 'n', value: 1 }],
        remove: ['user', 'absent'],
      },
    });
    expect(changes).toEqual([
      { member: 'model', action: 'Model', lossy: false },
      { member: 'user', action: 'Remove', lossy: true },
      { member: 'seed', action: 'Set', lossy: true },
      { member: 'new', action: 'Set', lossy: false },
      { member: 'n', action: 'Default', lossy: false },
      { member: 'stream_options', action: 'Usage', lossy: false },
    ]);
  });

  it('refuses to touch a member that occurs twice, and leaves it alone otherwise', () => {
    const body = `{${M},"seed":1,"x":0,"seed":2}`;
    expect(() => splice(body, { patch: { remove: ['seed'] } })).toThrow('"seed" more than once');
    expect(splice(body, { model: 'b' }).text).toBe(`{${M},"seed":1,"x":0,"seed":2,"model":"b"}`);
    const envelope = readChatRequest(Buffer.from(body));
    expect(ambiguousMember(envelope, { ...NO_PATCH, default: [{ name: 'seed', value: 1 }] })).toBe('seed');
    expect(ambiguousMember(envelope, { ...NO_PATCH, remove: ['x'] })).toBeUndefined();
  });

  it('is the same as changing the parsed object, and touches no other byte', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const value = fc.jsonValue({ maxDepth: 1 });
    const patch = fc.record({
      set: fc.uniqueArray(fc.record({ name, value }), { selector: (entry) => entry.name, maxLength: 2 }),
      default: fc.uniqueArray(fc.record({ name, value }), { selector: (entry) => entry.name, maxLength: 2 }),
      remove: fc.uniqueArray(name, { maxLength: 3 }),
    });
    const members = fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 5 });
    fc.assert(
      fc.property(
        members,
        members,
        patch,
        fc.boolean(),
        fc.boolean(),
        (before, after, change, usage, pretty) => {
          const keys = new Set(before.map(([key]) => key));
          const entries = [...before, ['messages', []], ...after.filter(([key]) => !keys.has(key))];
          const sent = Object.fromEntries(entries) as Record<string, unknown>;
          const body = JSON.stringify(sent, undefined, pretty ? 1 : undefined);
          const { text, chunks } = splice(body, { model: 'm', includeUsage: usage, patch: change });

          const expected = { ...sent, model: 'm' } as Record<string, unknown>;
          for (const removed of change.remove) delete expected[removed];
          for (const { name: key, value: v } of change.set) expected[key] = v;
          for (const { name: key, value: v } of change.default) {
            if (!(key in sent) && !change.set.some((entry) => entry.name === key)) expected[key] = v;
          }
          if (usage) expected.stream_options = { include_usage: true };
          expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(expected)));
          for (const chunk of chunks) expect(chunk.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
