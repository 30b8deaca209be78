/** Long texts, which go from the caller's body to the vendor's without being decoded. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askedOf } from '../../../../sidecar/dialects/canonical/asked.ts';
import { CALLERS, VENDORS } from '../../../../sidecar/dialects/formats.ts';
import { STAYS_FROM } from '../../../../sidecar/dialects/json/said.ts';
import { readJson } from '../../../../sidecar/dialects/json/tape.ts';
import { array, encode, json, object, reference } from '../../../../sidecar/dialects/json/write.ts';
import { CALLERS as APPS } from '../../matrix/callers.ts';
import { crossRequest } from '../support/crossing.ts';

const APP_NAMES = APPS.map(({ dialect }) => dialect);
const VENDOR_NAMES = Object.keys(VENDORS) as (keyof typeof VENDORS)[];

/** Strings of every kind, beyond the length from which on they stay where they are. */
const long = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 40 })
  .map((text) => text.padEnd(STAYS_FROM, 'a"b\\\n\u0001 é𝒳'));

/** Every string in a value. */
function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

describe('references', () => {
  it('become what stands at their places, wherever they stand', () => {
    const source = Buffer.from('{"a":"één \\u0041","b":["𝒳"]}');
    const node = readJson(source);
    const at = (text: string) => {
      const start = source.indexOf(text);
      return reference(start, start + Buffer.byteLength(text));
    };
    const written = object({ ü: at('"één \\u0041"'), b: array([at('"𝒳"'), json('\u0001'), at('"𝒳"')]) });
    expect(encode(written, source).toString()).toBe('{"ü":"één \\u0041","b":["𝒳","\\u0001","𝒳"]}');
    expect(encode(at('"𝒳"'), source).toString()).toBe('"𝒳"');
    expect(node.get('a')?.said).toBe('één A');
  });

  it('of no document are a defect', () => {
    expect(() => encode(reference(0, 2), undefined)).toThrow('no request');
  });

  it('reach as far as bodies do', () => {
    const source = Buffer.alloc(40 * 1024 * 1024, 0x20);
    source.write('"end"', source.length - 5);
    expect(encode(reference(source.length - 5, source.length), source).toString()).toBe('"end"');
  });
});

describe.each(APP_NAMES)('a long text of an app of %s', (name) => {
  const caller = CALLERS[name as keyof typeof CALLERS];
  const app = APPS.find(({ dialect }) => dialect === name);
  if (!caller || !app) throw new Error(name);

  const body = (...texts: string[]): Record<string, unknown> => {
    const request = app.request({ user: texts[0] ?? '' }, false);
    const turns = (request.messages ?? request.input) as Record<string, unknown>[];
    for (const [i, content] of texts.slice(1).entries()) {
      turns.push({ role: i % 2 === 0 ? 'assistant' : 'user', content });
    }
    return { ...request, [name === 'openai-responses' ? 'max_output_tokens' : 'max_tokens']: 100 };
  };

  it.each(VENDOR_NAMES.filter((vendor) => vendor !== name))('arrives at %s as it was', (vendorName) => {
    const vendor = VENDORS[vendorName];
    if (!vendor) throw new Error(vendorName);
    fc.assert(
      fc.property(long, long, long, (first, second, third) => {
        const texts = [first, second, third].map((text) => text.toWellFormed());
        const crossed = crossRequest(caller, vendor, body(...texts));
        expect(stringsIn(crossed.body)).toEqual(expect.arrayContaining(texts));
      }),
      { numRuns: 20 },
    );
  });

  it('is written as its author wrote it', () => {
    const text = `\\u0041\\/${'b'.repeat(STAYS_FROM)}`;
    const written = JSON.stringify(body('TEXT', 'yes', 'go on')).replace('TEXT', text);
    const bodies = VENDOR_NAMES.filter((vendor) => vendor !== name).map((vendor) => {
      const format = VENDORS[vendor];
      return format && crossRequest(caller, format, written).text;
    });
    expect(bodies.filter((one) => !one?.includes(text))).toEqual([]);
  });

  it('is let go of while the answer comes', () => {
    const asked = askedOf(caller.readChat(Buffer.from(JSON.stringify(body('x'.repeat(1000))))));
    expect(Object.keys(asked)).not.toContain('source');
    expect(Object.keys(asked)).not.toContain('turns');
  });
});

it('a long text of white space alone is nothing for a vendor that refuses it', () => {
  const [caller, vendor] = [CALLERS['openai-chat'], VENDORS['anthropic-messages']];
  if (!caller || !vendor) throw new Error('formats');
  const messages = ['hello', '\u00a0\t'.repeat(STAYS_FROM), 'still there?'].map((content) => ({
    role: 'user',
    content,
  }));
  const { body } = crossRequest(caller, vendor, { model: 'm', max_tokens: 9, messages });
  expect(stringsIn(body.messages)).toEqual(['user', 'text', 'hello', 'text', 'still there?']);
});
