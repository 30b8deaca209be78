import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchRule } from '../../../sidecar/routing/match-rule.ts';
import type { RequestFacts } from '../../../sidecar/routing/plan.ts';
import type { MatchBody } from '../../../sidecar/snapshot/schema.ts';
import { facts, route, rule, table } from './support.ts';

/** The rule taken among one with the matches and a catch-all behind it, and why the first was passed over. */
function match(matches: MatchBody[], request: RequestFacts) {
  const [made] = table([route('r', ['*'], [rule('narrow', { matches }), rule('rest')])]).routes;
  if (!made) throw new Error('the table has the route');
  const { rule: taken, steps } = matchRule(made, request);
  return { taken: taken?.body.name, why: steps.slice(0, -1).map((step) => step.detail) };
}

const says = (...texts: string[]) => facts({ userText: () => texts });
const sends = (headers: Record<string, string>) => facts({}, headers);
const header = (name: string, type: 'Exact' | 'Prefix' | 'RegularExpression', value: string): MatchBody => ({
  headers: [{ name, type, value }],
});

describe('a clause', () => {
  it.each<[string, MatchBody, RequestFacts, boolean]>([
    ['exact header', header('x-team', 'Exact', 'a'), sends({ 'x-team': 'a' }), true],
    [
      'exact header, other case of the value',
      header('x-team', 'Exact', 'a'),
      sends({ 'x-team': 'A' }),
      false,
    ],
    ['exact header, absent', header('x-team', 'Exact', 'a'), sends({}), false],
    ['header prefix', header('x-team', 'Prefix', 'sh'), sends({ 'x-team': 'shop' }), true],
    ['header prefix, elsewhere', header('x-team', 'Prefix', 'op'), sends({ 'x-team': 'shop' }), false],
    [
      'header pattern matches the whole value',
      header('x-n', 'RegularExpression', '[0-9]+'),
      sends({ 'x-n': '12' }),
      true,
    ],
    [
      'header pattern matches a part only',
      header('x-n', 'RegularExpression', '[0-9]+'),
      sends({ 'x-n': '12a' }),
      false,
    ],
    ['path', { paths: ['/a', '/v1/chat/completions'] }, facts(), true],
    ['path is no prefix', { paths: ['/v1/chat'] }, facts(), false],
    ['model', { models: ['m', 'n'] }, facts(), true],
    ['model, another', { models: ['n'] }, facts(), false],
    ['model, none asked', { models: ['n'] }, facts({ askedModel: undefined }), false],
    ['tokens at the minimum', { prompt: { tokens: { min: 100 } } }, facts(), true],
    ['tokens below the minimum', { prompt: { tokens: { min: 101 } } }, facts(), false],
    ['tokens at the maximum', { prompt: { tokens: { max: 100 } } }, facts(), true],
    ['tokens above the maximum', { prompt: { tokens: { max: 99 } } }, facts(), false],
    ['turns', { prompt: { turns: { min: 1, max: 1 } } }, facts(), true],
    ['turns, too many', { prompt: { turns: { max: 0 } } }, facts(), false],
    ['keyword, ignoring case', { prompt: { contains: ['invoice', 'résumé'] } }, says('x', 'My RÉSUMÉ'), true],
    ['keyword, absent', { prompt: { contains: ['invoice'] } }, says('my résumé'), false],
    ['pattern found', { prompt: { pattern: 'order #[0-9]+' } }, says('about order #12!'), true],
    ['pattern, case matters', { prompt: { pattern: 'order' } }, says('ORDER'), false],
    ['pattern across messages is not found', { prompt: { pattern: 'a\nb' } }, says('a', 'b'), false],
    ['tools wanted', { request: { tools: true } }, facts({ tools: true }), true],
    ['tools not wanted', { request: { tools: false } }, facts({ tools: true }), false],
    ['images', { request: { vision: true } }, facts(), false],
    ['schema', { request: { jsonSchema: true } }, facts({ jsonSchema: true }), true],
    ['stream', { request: { stream: false } }, facts({ stream: true }), false],
    ['an empty match', {}, facts(), true],
  ])('%s', (_, clause, request, holds) => {
    expect(match([clause], request).taken).toBe(holds ? 'narrow' : 'rest');
  });

  it('leaves the reason when it fails, and never what the caller sent', () => {
    const request = facts({ userText: () => ['secret words'] }, { 'x-team': 'secret-team' });
    const reasons = [
      header('x-team', 'Exact', 'shop'),
      { models: ['gpt-5'] },
      { prompt: { tokens: { min: 2000 } } },
      { prompt: { contains: ['a', 'b'] } },
      { request: { tools: true } },
    ].flatMap((m) => match([m], request).why);
    expect(reasons).toEqual([
      'header x-team is not "shop"',
      'the asked model is not "gpt-5"',
      'estimated input tokens are not 2000 or more',
      'no user message contains any of "a", "b"',
      'the request does not use tools',
    ]);
  });
});

describe('matches', () => {
  const team: MatchBody = header('x-team', 'Exact', 'a');
  const long: MatchBody = { prompt: { tokens: { min: 1000 } } };

  it('are ORed, and the fields in one are ANDed', () => {
    expect(match([team, long], sends({ 'x-team': 'a' })).taken).toBe('narrow');
    expect(match([{ ...team, ...long }], sends({ 'x-team': 'a' })).taken).toBe('rest');
    expect(match([{ ...team, ...long }], facts({ inputTokens: 1000 }, { 'x-team': 'a' })).taken).toBe(
      'narrow',
    );
  });

  it('leave one reason each', () => {
    expect(match([team, long], facts()).why).toEqual([
      'header x-team is not "a"',
      'estimated input tokens are not 1000 or more',
    ]);
  });

  it('read the prompt only when a clause before has not failed', () => {
    let reads = 0;
    const request = facts({
      userText: () => {
        reads++;
        return ['hello'];
      },
    });
    match([{ ...team, prompt: { contains: ['hello'] } }], request);
    expect(reads).toBe(0);
  });

  it('about the body never hold where it passes through unread', () => {
    const unread = facts({ unread: true, inputTokens: 0 });
    expect(match([{ prompt: { tokens: { max: 100 } } }], unread).taken).toBe('rest');
    expect(match([{ request: { tools: false } }], unread).taken).toBe('rest');
    expect(match([{ paths: [unread.path] }], unread).taken).toBe('narrow');
  });
});

describe('rules', () => {
  it('are asked in order, and the first that matches decides', () => {
    const count = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), count, (holds, turns) => {
        const rules = holds.map((hold, i) =>
          rule(`r${i}`, {
            matches: [{ prompt: { turns: hold ? { min: turns, max: turns } : { min: turns + 1 } } }],
          }),
        );
        const [made] = table([route('r', ['*'], rules)]).routes;
        if (!made) throw new Error('the table has the route');
        const matched = matchRule(made, facts({ turns }));
        const first = holds.indexOf(true);
        expect(matched.rule?.body.name).toBe(first < 0 ? undefined : `r${first}`);
        expect(matched.steps).toHaveLength(first < 0 ? holds.length : first + 1);
        expect(matched.error?.code).toBe(first < 0 ? 'no_rule_matched' : undefined);
      }),
    );
  });
});
