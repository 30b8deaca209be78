import { describe, expect, test } from 'vitest';
import { CelSyntaxError } from '../../../crds/cel/ast.ts';
import { parse } from '../../../crds/cel/parse.ts';

describe('a rule that uses what it may not is refused with its place', () => {
  test.each([
    ['self.name + "x"', 10, 'unexpected "+"'],
    ['self.a.contains("b")', 7, 'contains() may not be used; rules have has, size, matches, startsWith'],
    ['self.items.map(i, i.name)', 11, 'map() may not be used'],
    ['int(self.a) == 1', 0, 'int() may not be used'],
    ['duration(self.a)', 0, 'duration() may not be used'],
    ['self.a == 1.5', 10, 'only decimal whole numbers'],
    ['self.a == 0x1F', 10, 'only decimal whole numbers'],
    ['self.a == 5u', 10, 'only decimal whole numbers'],
    ["self.a == 'b", 10, 'the string does not end'],
    ["self.a == '\\d'", 11, 'this escape may not be used'],
    ['self.namespace', 5, 'write "__namespace__" for the field'],
    ['self.a.all(in, true)', 11, '"in" cannot name a variable'],
    ['self.a.all(self, true)', 11, '"self" cannot name a variable'],
    ['has(self)', 0, 'has() takes a field'],
    ['has(self.a[0])', 0, 'has() takes a field'],
    ['self.a &&', 9, 'the rule ends too early'],
    ['(self.a', 7, '")" is missing'],
    ['self.a ? 1', 10, '":" is missing'],
    ['self.a self.b', 7, 'unexpected "self"'],
    ['', 0, 'the rule ends too early'],
    ['[1, 2', 5, '"]" is missing'],
    ['{"a": 1}', 0, 'unexpected "{"'],
    ['self.a.matches("b", "c")', 18, '")" is missing'],
  ])('%s', (rule, at, message) => {
    const refused = () => parse(rule);
    expect(refused).toThrow(CelSyntaxError);
    expect(refused).toThrow(`at character ${at}: ${message}`);
  });
});
