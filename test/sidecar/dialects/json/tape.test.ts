import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonNode, readJson, tryReadJson } from '../../../../sidecar/dialects/json/tape.ts';
import { array, json, object, optional } from '../../../../sidecar/dialects/json/write.ts';

function rebuilt(node: JsonNode): unknown {
  switch (node.kind) {
    case 'Object':
      return Object.fromEntries([...node.members()].map(([key, value]) => [key, rebuilt(value)]));
    case 'Array':
      return [...node.elements()].map(rebuilt);
    case 'String':
      return node.text;
    case 'Number':
      return node.number;
    case 'Null':
      return null;
    default:
      return node.boolean;
  }
}

describe('a tape', () => {
  it('says the same as JSON.parse of any document', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        const node = readJson(Buffer.from(text));
        const parsed = JSON.parse(text) as unknown;
        expect(JSON.stringify(rebuilt(node))).toBe(JSON.stringify(parsed));
        expect(JSON.stringify(node.value())).toBe(JSON.stringify(parsed));
      }),
      { numRuns: 300 },
    );
  });

  it('finds members by name, however the name is written, the first of several', () => {
    const name = fc.oneof(fc.constantFrom('a', 'aa', 'é', 'x"y', 'a\\b', ''), fc.string());
    const written = fc.tuple(name, fc.boolean(), fc.nat());
    fc.assert(
      fc.property(fc.array(written, { maxLength: 8 }), name, (members, asked) => {
        const key = (text: string, escaped: boolean) =>
          escaped
            ? `"${text.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
            : JSON.stringify(text);
        const text = members.map(([at, escaped, value]) => `${key(at, escaped)}:${value}`).join(',');
        const node = readJson(Buffer.from(`{${text}}`));
        const first = new Map(members.toReversed().map(([at, , value]) => [at, value]));
        for (const one of [asked, ...first.keys()]) expect(node.get(one)?.number).toBe(first.get(one));
      }),
      { numRuns: 300 },
    );
  });

  it('holds only so many values', () => {
    const zeros = (count: number) => Buffer.from(`[${'0,'.repeat(count - 1)}0]`);
    expect(readJson(zeros(249_999)).elements()).toHaveLength(249_999);
    expect(() => readJson(zeros(250_000))).toThrow(/more than 250000 values/);
  });

  it('gives every value as it was written', () => {
    const text = '{ "b" : 12345678901234567890 , "a":[1.0, 1e3 ,{"2":1,"1":2}], "\\u0063": "x\\ny" }';
    const node = readJson(Buffer.from(text));
    expect(node.get('b')?.raw).toBe('12345678901234567890');
    expect(node.get('a')?.raw).toBe('[1.0, 1e3 ,{"2":1,"1":2}]');
    expect(node.get('c')?.text).toBe('x\ny');
    expect([...node.members()].map(([key]) => key)).toEqual(['b', 'a', 'c']);
  });

  it('knows absent, null and other kinds apart', () => {
    const node = readJson(Buffer.from('{"n":null,"s":"","f":false}'));
    expect(node.get('n')?.isNull).toBe(true);
    expect(node.at('n')).toBeUndefined();
    expect(node.get('x')).toBeUndefined();
    expect(node.get('s')?.text).toBe('');
    expect(node.get('s')?.number).toBeUndefined();
    expect(node.get('f')?.boolean).toBe(false);
    expect(node.get('f')?.get('x')).toBeUndefined();
    expect([...(node.get('f')?.elements() ?? [])]).toEqual([]);
  });

  it.each(['', '{', '{"a":1,}', '[1 2]', '{"a":1} x', 'nul', '"\\x"'])('refuses %j', (text) => {
    expect(() => readJson(Buffer.from(text))).toThrow(/not valid JSON/);
    expect(tryReadJson(Buffer.from(text))).toBeUndefined();
  });
});

describe('writing JSON', () => {
  it('leaves out what is absent and keeps text that is JSON already', () => {
    const text = object({
      a: json('x"y'),
      gone: undefined,
      'k"': array(['1.0', json(null)]),
      none: optional(undefined),
      zero: optional(0),
    });
    expect(text).toBe('{"a":"x\\"y","k\\"":[1.0,null],"zero":0}');
  });
});
