import { describe, expect, test } from 'vitest';
import { compileRule } from '../../../crds/cel/rule.ts';
import type { StructuralSchema } from '../../../crds/structural.ts';

const text: StructuralSchema = { type: 'string', maxLength: 10 };
const schema: StructuralSchema = {
  type: 'object',
  properties: {
    name: text,
    count: { type: 'integer' },
    on: { type: 'boolean' },
    words: { type: 'array', items: text },
    parts: { type: 'array', items: { type: 'object', properties: { name: text } } },
    labels: { type: 'object', additionalProperties: text },
    any: { 'x-kubernetes-preserve-unknown-fields': true },
  },
};
const compile = (rule: string) => compileRule(rule, schema);

describe('a rule that fits its schema compiles', () => {
  test.each([
    'has(self.name) && size(self.name) > 0',
    'self.parts.all(p, self.parts.exists_one(q, q.name == p.name))',
    "self.labels.all(k, self.labels[k].startsWith('a'))",
    'has(self.labels.app) ? self.on : self.count in [1, 2]',
    "self.words[0] in ['a']",
    "'a' in self.labels",
    'has(self.any)',
    '[] == self.words',
  ])('%s', (rule) => {
    expect(compile(rule)).toBeDefined();
  });
});

describe('a rule that does not fit its schema is refused, as the API server would', () => {
  test.each([
    ['has(self.nam)', 'no field "nam"; there are name, count, on, words, parts, labels, any'],
    ['self.parts.all(p, p.title == "a")', 'no field "title"; there are name'],
    ['self.name', 'a bool is wanted here, not a string'],
    ['!self.count', 'a bool is wanted here, not a int'],
    ['self.name && self.on', 'a bool is wanted here, not a string'],
    ['self.name == self.count', 'a string cannot be compared with a int'],
    ['self.on < self.on', 'a bool has no order'],
    ['self.any == 1', 'a opaque cannot be compared with a int'],
    ['self.name in self.count', 'a string cannot be in this int'],
    ['self.count in self.words', 'a int cannot be in this list'],
    ['size(self.count) > 0', 'a int has no size'],
    ["self.count.startsWith('a')", 'startsWith() takes a string, not a int'],
    ['self.name.startsWith(self.count)', 'a string is wanted here, not a int'],
    ['self.name.all(c, true)', 'all() takes a list or a map'],
    ['self.words.all(w, size(w))', 'a bool is wanted here, not a int'],
    ["self.words['a'] == 'b'", 'a int is wanted here, not a string'],
    ["self.labels[0] == 'b'", 'a string is wanted here, not a int'],
    ['self.name[0] == "a"', 'a string cannot be indexed'],
    ['self.on ? self.on : self.count == 1 ? 1 : 2', 'both branches must have one type'],
    ['self.count ? true : false', 'a bool is wanted here, not a int'],
    ["[1, 'a'] == [1]", 'a list holds values of one type'],
    ['item.name == "a"', '"item" is not declared'],
    ['self.words.all(w, true) && w == "a"', '"w" is not declared'],
    ['oldSelf.on', '"oldSelf" is not declared'],
    ['has(self.name.first)', 'a string has no field "first"'],
    ['[][0] == 1', 'the list is empty'],
  ])('%s', (rule, message) => {
    expect(() => compile(rule)).toThrow(message);
  });
});
