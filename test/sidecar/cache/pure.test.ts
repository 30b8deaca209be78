/** Keys, what is kept in memory and for how long, what lies in a shared store, and what is no answer to give again. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../../sidecar/cache/answer.ts';
import { controlOf } from '../../../sidecar/cache/cacheable.ts';
import { isComplete } from '../../../sidecar/cache/complete.ts';
import { exactKey, type KeyParts } from '../../../sidecar/cache/key.ts';
import { decodeAnswer, encodeAnswer } from '../../../sidecar/cache/shared/value.ts';
import { AnswerStore } from '../../../sidecar/cache/store.ts';
import type { Dialect } from '../../../sidecar/dialects/dialect.ts';
import { endpointAt } from '../../../sidecar/dialects/registry.ts';
import { answer } from './answers.ts';
import { CACHE } from './world.ts';

function dialectAt(path: string): Dialect {
  const found = endpointAt(path);
  if (found?.kind !== 'Endpoint') throw new Error(`${path} is no endpoint`);
  return found.endpoint.dialect;
}
const chat = dialectAt('/v1/chat/completions');

const PARTS: KeyParts = {
  tenant: ['namespace', 'shop'],
  rule: ['uid', '1', 'main'],
  path: '/v1/chat/completions',
  query: '',
  headers: [],
};
const keyOf = (body: object, parts: Partial<KeyParts> = {}): string =>
  exactKey({ ...PARTS, ...parts }, chat.readRequest(Buffer.from(JSON.stringify(body))));
const BODY = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

describe('a key', () => {
  it('is the same whatever the order of members, and for members without effect', () => {
    const members = fc.dictionary(
      fc.constantFrom('top_p', 'seed', 'n', 'stop', 'logit_bias', 'presence_penalty'),
      fc.constantFrom<unknown>(1, 0.5, 'x', null, ['a'], { a: 1 }),
    );
    fc.assert(
      fc.property(members, fc.string({ maxLength: 20 }), fc.integer(), (more, user, turn) => {
        const entries = Object.entries({ ...BODY, ...more, n: 1 });
        const turned = [...entries.slice(turn % entries.length), ...entries.slice(0, turn % entries.length)];
        const one = Object.fromEntries(entries);
        expect(keyOf({ ...Object.fromEntries(turned), user, metadata: { user } })).toBe(keyOf(one));
      }),
    );
  });

  it('is another one when anything else differs', () => {
    const keys = [
      keyOf(BODY),
      keyOf({ ...BODY, model: 'n' }),
      keyOf({ ...BODY, temperature: 0 }),
      keyOf({ ...BODY, stream: true }),
      keyOf({ ...BODY, stream: true, stream_options: { include_usage: true } }),
      keyOf(BODY, { tenant: ['namespace', 'other'] }),
      keyOf(BODY, { tenant: ['workload', 'shop'] }),
      keyOf(BODY, { rule: ['uid', '2', 'main'] }),
      keyOf(BODY, { rule: ['uid', '1', 'main', 'arm'] }),
      keyOf(BODY, { path: '/v1/completions' }),
      keyOf(BODY, { query: 'beta=true' }),
      keyOf(BODY, { headers: ['openai-beta', 'x'] }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('does not run parts together', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { maxLength: 4 }),
        fc.array(fc.string(), { maxLength: 4 }),
        (a, b) => {
          if (JSON.stringify(a) === JSON.stringify(b)) return;
          expect(keyOf(BODY, { tenant: a })).not.toBe(keyOf(BODY, { tenant: b }));
          expect(keyOf(BODY, { tenant: a, rule: b })).not.toBe(keyOf(BODY, { tenant: b, rule: a }));
        },
      ),
    );
  });
});

describe('the store', () => {
  const of = (bytes: number, now = { at: 0 }) => new AnswerStore({ maxBytes: bytes, wall: () => now.at });
  const sized = (bytes: number, expires = 1000) =>
    answer({ body: Buffer.alloc(bytes), headers: [], expires });

  it('never holds more than it may, whatever comes', () => {
    const step = fc.record({
      part: fc.constantFrom('a', 'b', 'c'),
      key: fc.integer({ min: 0, max: 12 }),
      bytes: fc.integer({ min: 0, max: 6000 }),
      what: fc.constantFrom('put', 'put', 'get', 'reserve', 'delete', 'retain'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const store = of(10_000);
        let reserved = 0;
        for (const { part, key, bytes, what } of steps) {
          if (what === 'put') store.put(part, String(key), sized(bytes), { maxBytes: 8000 });
          else if (what === 'get') store.get(part, String(key));
          else if (what === 'delete') store.delete(part, String(key));
          else if (what === 'retain') store.retain(new Set([part]));
          else if (store.reserve(bytes)) reserved += bytes;
          expect(store.usedBytes).toBeLessThanOrEqual(10_000);
        }
        store.release(reserved);
        store.retain(new Set());
        expect([store.usedBytes, store.entries]).toEqual([0, 0]);
      }),
    );
  });

  it('keeps what is asked for again through a crowd of what is not', () => {
    const each = sizeOf(sized(1000));
    const store = of(10 * each);
    store.put('a', 'dear', sized(1000));
    expect(store.get('a', 'dear')).toBeDefined();
    for (let i = 0; i < 100; i++) store.put('a', `once ${i}`, sized(1000));
    expect(store.get('a', 'dear')).toBeDefined();
    expect(store.get('a', 'once 0')).toBeUndefined();
    expect(store.get('a', 'once 99')).toBeDefined();
  });

  it('takes room from the rule that has not been asked for longest, and from a rule that has its fill', () => {
    const each = sizeOf(sized(1000));
    const store = of(4 * each);
    store.put('old', '1', sized(1000));
    store.put('new', '1', sized(1000));
    store.put('new', '2', sized(1000));
    store.put('new', '3', sized(1000), { maxBytes: 2 * each });
    expect([store.get('old', '1'), store.get('new', '1')].map(Boolean)).toEqual([true, false]);
    store.put('third', '1', sized(1000));
    store.put('third', '2', sized(1000));
    expect(store.entries).toBe(4);
    expect(store.put('third', 'large', sized(9000))).toBe(false);
  });

  it('lets go of what is too old', () => {
    const now = { at: 0 };
    const gone: string[] = [];
    const store = new AnswerStore({
      maxBytes: 10_000,
      wall: () => now.at,
      onGone: (_, key) => gone.push(key),
    });
    store.put('a', 'k', sized(10, 500));
    now.at = 499;
    expect(store.get('a', 'k')).toBeDefined();
    now.at = 500;
    expect(store.get('a', 'k')).toBeUndefined();
    expect([gone, store.usedBytes]).toEqual([['k'], 0]);
  });
});

describe('a shared value', () => {
  it('is read as it was written, and as nothing where one bit of it is not', () => {
    const parts = fc.record({
      body: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      streamed: fc.boolean(),
      model: fc.string(),
      warnings: fc.array(fc.string(), { maxLength: 3 }),
      costNanoUsd: fc.option(fc.bigInt({ min: 0n, max: 10n ** 20n }), { nil: undefined }),
    });
    fc.assert(
      fc.property(parts, fc.nat(), fc.integer({ min: 1, max: 255 }), (more, at, flip) => {
        const one = answer(more);
        const value = encodeAnswer('key', one);
        expect(decodeAnswer('key', value)).toEqual(one);
        expect(decodeAnswer('other', value)).toBeUndefined();
        const bad = Buffer.from(value);
        bad[at % bad.length] = (bad[at % bad.length] as number) ^ flip;
        expect(decodeAnswer('key', bad)).toBeUndefined();
        expect(decodeAnswer('key', value.subarray(0, at % value.length))).toBeUndefined();
      }),
    );
  });

  it('is nothing for bytes of any kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decodeAnswer('key', Buffer.from(bytes))).toBeUndefined();
      }),
    );
  });
});

describe('what a request says of the cache', () => {
  it.each([
    ['no-store', { noStore: true, noCache: false, maxAgeMs: undefined }],
    ['No-Cache, no-store', { noStore: true, noCache: true, maxAgeMs: undefined }],
    ['max-age=60', { noStore: false, noCache: false, maxAgeMs: 60_000 }],
    ['max-age="5" , private', { noStore: false, noCache: false, maxAgeMs: 5000 }],
    ['max-age=soon', { noStore: false, noCache: false, maxAgeMs: 0 }],
    ['max-age', { noStore: false, noCache: false, maxAgeMs: 0 }],
    [',;=,', { noStore: false, noCache: false, maxAgeMs: undefined }],
  ])('%s', (said, control) => {
    expect(controlOf(CACHE, { header: () => said })).toEqual(control);
  });
});

describe('an answer to give again', () => {
  const body = (choice: object) =>
    Buffer.from(
      JSON.stringify({ id: 'x', object: 'chat.completion', model: 'm', choices: [{ index: 0, ...choice }] }),
    );
  const said = { role: 'assistant', content: 'ok "tool_calls":[{' };

  it.each([
    ['that is whole', { message: said, finish_reason: 'stop' }, true],
    ['with no calls', { message: { ...said, tool_calls: [] }, finish_reason: 'stop' }, true],
    ['with no calls, said as null', { message: { ...said, tool_calls: null }, finish_reason: 'stop' }, true],
    ['that is cut off', { message: said, finish_reason: 'length' }, false],
    ['that was filtered', { message: said, finish_reason: 'content_filter' }, false],
    ['that waits', { message: { ...said, tool_calls: [{ id: 'c' }] }, finish_reason: 'tool_calls' }, false],
    [
      'that waits and says stop',
      { message: { ...said, tool_calls: [{ id: 'c' }] }, finish_reason: 'stop' },
      false,
    ],
    [
      'that waits in the old form',
      { message: { ...said, function_call: { name: 'f' } }, finish_reason: 'stop' },
      false,
    ],
    ['without an end', { message: said, finish_reason: null }, false],
  ])('%s', (_, choice, kept) => {
    expect(isComplete(chat, false, body(choice))).toBe(kept);
  });

  it.each([
    [[{ type: 'message', id: 'm', content: [] }], true],
    [
      [
        { type: 'reasoning', id: 'r' },
        { type: 'message', id: 'm', content: [] },
      ],
      true,
    ],
    [[{ type: 'function_call', id: 'f', name: 'f', arguments: '{}', call_id: 'c' }], false],
    [[{ type: 'mcp_approval_request', id: 'f' }], false],
  ])('of Responses: %j', (output, kept) => {
    const responses = dialectAt('/v1/responses');
    const whole = { id: 'r', object: 'response', status: 'completed', model: 'm', output };
    expect(isComplete(responses, false, Buffer.from(JSON.stringify(whole)))).toBe(kept);
    const event = `event: response.completed\ndata: ${JSON.stringify({ type: 'response.completed', response: whole })}\n\n`;
    expect(isComplete(responses, true, Buffer.from(event))).toBe(kept);
  });

  it('is no stream without its end', () => {
    const event = (choice: object) =>
      `data: ${JSON.stringify({ id: 'x', model: 'm', object: 'chat.completion.chunk', choices: [{ index: 0, ...choice }] })}\n\n`;
    const begun = event({ delta: { role: 'assistant', content: 'o' }, finish_reason: null });
    const ended = event({ delta: {}, finish_reason: 'stop' });
    expect(isComplete(chat, true, Buffer.from(begun))).toBe(false);
    expect(isComplete(chat, true, Buffer.from(`${begun}${ended}data: [DONE]\n\n`))).toBe(true);
    expect(
      isComplete(
        chat,
        true,
        Buffer.from(`${begun}${event({ delta: {}, finish_reason: 'length' })}data: [DONE]\n\n`),
      ),
    ).toBe(false);
  });
});
