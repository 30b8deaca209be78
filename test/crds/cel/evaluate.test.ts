import { describe, expect, test } from 'vitest';
import { CelError } from '../../../crds/cel/ast.ts';
import { evaluate } from '../../../crds/cel/evaluate.ts';
import { parse } from '../../../crds/cel/parse.ts';

const self = {
  name: 'a',
  count: 3,
  on: true,
  empty: [],
  list: [{ name: 'x', n: 1 }, { name: 'y', n: 2 }, { name: 'y' }],
  words: ['b', 'a'],
  labels: { app: 'shop', 'a.b/c': 'd' },
  namespace: 'ns',
  emoji: '😀é',
  nothing: null,
};
const run = (rule: string): unknown => evaluate(parse(rule), { self });

describe('a rule has the value that CEL gives it', () => {
  test.each<[string, unknown]>([
    // literals and comparisons
    ["self.name == 'a'", true],
    ['self.name != "a"', false],
    ['self.count >= 3 && self.count < 4', true],
    ['self.count <= 2 || self.count > 3', false],
    ['-1 < self.count', true],
    ["'a' < 'b'", true],
    ["'Z' < 'a'", true],
    // by code point: U+FFFD comes before U+1F600, though not in UTF-16
    ["'\ufffd' < '\u{1f600}'", true],
    ['self.nothing == null', true],
    ["self.name == 'a\\'b'", false],
    ["'\\t' == '\t'", true],
    ['self.words == ["b", "a"]', true],
    ['self.words == ["a", "b"]', false],
    ['[] == []', true],
    ['!self.on', false],
    ['!!self.on', true],
    // precedence
    ['true || false && false', true],
    ['(true || false) && false', false],
    ["self.on ? self.name == 'a' : self.name == 'b'", true],
    ['false ? 1 : true ? 2 : 3', 2],
    // has, fields, index
    ['has(self.name)', true],
    ['has(self.missing)', false],
    ['has(self.nothing)', true],
    ['has(self.labels.app)', true],
    ['has(self.toString)', false],
    ["self.labels['a.b/c'] == 'd'", true],
    ["self.list[1].name == 'y'", true],
    ["self.__namespace__ == 'ns'", true],
    ["'app' in self.labels", true],
    ["'toString' in self.labels", false],
    ["'a' in self.words", true],
    ["self.name in ['x', 'y']", false],
    ["!(self.name in ['x', 'y'])", true],
    // size
    ['size(self.words) == 2', true],
    ['self.words.size() == 2', true],
    ['size(self.labels) == 2', true],
    ['size(self.emoji) == 2', true],
    // macros
    ['self.list.all(i, has(i.name))', true],
    ['self.empty.all(i, false)', true],
    ['self.empty.exists(i, true)', false],
    ["self.list.exists(i, i.name == 'y')", true],
    ["self.list.exists_one(i, i.name == 'x')", true],
    ["self.list.exists_one(i, i.name == 'y')", false],
    ['self.words.all(w, self.words.exists_one(v, v == w))', true],
    ['self.list.all(i, self.list.exists_one(j, j.name == i.name))', false],
    ["self.labels.exists(key, key == 'app')", true],
    ["self.labels.all(key, self.labels[key] != '')", true],
    // texts
    ["self.name.startsWith('')", true],
    ["'https://x'.startsWith('https://')", true],
    ["'abc'.matches('b')", true],
    ["'abc'.matches('^b')", false],
    ["'a1'.matches('^[a-z][0-9]$')", true],
    ["'ABC'.matches('(?i)^abc$')", true],
  ])('%s', (rule, value) => {
    expect(run(rule)).toBe(value);
  });
});

describe('an error of one side is absorbed where the other side decides', () => {
  test.each<[string, unknown]>([
    ['self.missing == 1 && false', false],
    ['false && self.missing == 1', false],
    ['self.missing == 1 || true', true],
    ['true || self.missing == 1', true],
    ['self.list.all(i, i.n > 5)', false],
    ['self.list.exists(i, i.n == 1)', true],
  ])('%s', (rule, value) => {
    expect(run(rule)).toBe(value);
  });
});

describe('what cannot be evaluated is an error', () => {
  test.each([
    ['self.missing', 'no such key: missing'],
    ['self.name.missing', 'no such field: missing'],
    ['has(self.name.missing)', 'no such field: missing'],
    ['self.missing == 1 && true', 'no such key: missing'],
    ['self.missing == 1 || false', 'no such key: missing'],
    ['self.list.all(i, i.n > 0)', 'no such key: n'],
    ['self.list.exists(i, i.n > 5)', 'no such key: n'],
    ['self.list.exists_one(i, i.n == 1)', 'no such key: n'],
    ['self.list[3]', 'index out of bounds: 3'],
    ["self.labels['nope']", 'no such key: nope'],
    ['other', 'undeclared reference to "other"'],
    ["self.count < 'a'", 'no such overload: comparison'],
    ['self.on < true', 'no such overload: comparison'],
    ['self.count in self.name', 'no such overload: in'],
    ['size(self.count)', 'no such overload: size'],
    ["self.count.startsWith('3')", 'no such overload: startsWith'],
    ['self.name.all(c, true)', 'no such overload: all'],
    ['self.name && true', 'no such overload: condition'],
    ['!self.name', 'no such overload: condition'],
  ])('%s', (rule, message) => {
    expect(() => run(rule)).toThrow(CelError);
    expect(() => run(rule)).toThrow(message);
  });

  test('a pattern that is not RE2 is named', () => {
    const refused = () => run("'a'.matches('(?=a)')");
    expect(refused).toThrow(CelError);
    expect(refused).toThrow(expect.objectContaining({ pattern: '(?=a)' }));
  });

  test('a pattern that backtracking engines never finish with is answered at once', () => {
    const text = `${'a'.repeat(4000)}!`;
    expect(evaluate(parse("self.matches('^(a+)+$')"), { self: text })).toBe(false);
  });
});
