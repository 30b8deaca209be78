import { describe, expect, it } from 'vitest';
import { askedSignals } from '../../../sidecar/routing/asked-signals.ts';
import { matchRule } from '../../../sidecar/routing/match-rule.ts';
import type { RequestFacts } from '../../../sidecar/routing/plan.ts';
import { known, unknown } from '../../../sidecar/signals/reading.ts';
import { signalsOf } from '../../../sidecar/signals/signals.ts';
import { gatherSignals, type SignalModels } from '../../../sidecar/signals/stage.ts';
import type { MatchBody, RouteBody } from '../../../sidecar/snapshot/schema.ts';
import { facts, route, rule, table } from './support.ts';

const INTENTS: NonNullable<RouteBody['signals']> = {
  intents: {
    method: 'Lexical',
    minScorePercent: 40,
    marginPercent: 5,
    list: [
      { name: 'refund', examples: ['I want my money back', 'please refund my order', 'refund the lamp'] },
      { name: 'recipe', examples: ['a recipe for soup', 'what can I cook today', 'how do I boil rice'] },
    ],
  },
};
const VECTORS: NonNullable<RouteBody['signals']> = {
  intents: { ...INTENTS.intents, method: 'Embeddings' } as NonNullable<typeof INTENTS.intents>,
};

/** A route of `r0` with the matches and `rest`. */
function routeOf(matches: MatchBody[], over: Partial<RouteBody> = {}, before: MatchBody[][] = []) {
  const rules = [...before, matches].map((each, i) => rule(`r${i}`, { matches: each }));
  const made = route('a', ['m'], [...rules, rule('rest')]);
  if (made.body) made.body = { ...made.body, ...over };
  const [only] = table([made]).routes;
  if (!only) throw new Error('the table has the route');
  return only;
}

const says = (text: string, over: Partial<RequestFacts> = {}, headers: Record<string, string> = {}) =>
  facts({ userText: () => [text], ...over }, headers);

function taken(matches: MatchBody[], request: RequestFacts, over: Partial<RouteBody> = {}) {
  const matched = matchRule(routeOf(matches, over), request);
  return { rule: matched.rule?.body.name, detail: matched.steps.map(({ detail }) => detail) };
}

const jwt = (payload: object) => `Bearer h.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.s`;

describe('a rule that asks signals', () => {
  it.each<[string, MatchBody, RequestFacts, boolean]>([
    ['content', { prompt: { content: ['Code'] } }, says('```js\nlet a = 1;\n```'), true],
    ['content', { prompt: { content: ['Math'] } }, says('```js\nlet a = 1;\n```'), false],
    ['difficulty', { prompt: { difficulty: { max: 10 } } }, says('Hello'), true],
    ['difficulty', { prompt: { difficulty: { min: 30 } } }, says('Hello'), false],
    ['language', { prompt: { languages: ['de', 'fr'] } }, says('Wo ist meine Bestellung?'), true],
    ['language', { prompt: { languages: ['fr'] } }, says('Wo ist meine Bestellung?'), false],
    ['intent', { prompt: { intents: ['refund'] } }, says('Please refund my lamp'), true],
    ['intent', { prompt: { intents: ['recipe'] } }, says('Please refund my lamp'), false],
    ['intent', { prompt: { intents: ['none'] } }, says('今日は天気'), true],
    ['reasoning', { request: { reasoning: true } }, says('Hi', { reasoning: true }), true],
    ['reasoning', { request: { reasoning: false } }, says('Hi'), true],
    ['label', { classifications: ['secret'] }, says('Hi', {}, { 'x-class': 'Secret' }), true],
    ['label', { classifications: ['secret'] }, says('Hi', {}, { 'x-class': 'a secret' }), false],
    ['label', { classifications: ['internal'] }, says('Hi'), true],
  ])('by %s %j', (_, match, request, expected) => {
    const over = { signals: INTENTS, classification: { header: 'x-class', unset: 'internal' } };
    expect(taken([match], request, over).rule).toBe(expected ? 'r0' : 'rest');
  });

  const CLAIM = { header: 'authorization', format: 'JWT' as const, path: ['tier'] };
  it.each<[MatchBody['claims'], boolean]>([
    [[{ ...CLAIM, type: 'Exact', values: ['gold'] }], true],
    [[{ ...CLAIM, type: 'Exact', values: ['gol'] }], false],
    [[{ ...CLAIM, type: 'Prefix', values: ['go'] }], true],
    [[{ ...CLAIM, type: 'RegularExpression', values: ['g.ld'] }], true],
    [[{ ...CLAIM, type: 'RegularExpression', values: ['g.l'] }], false],
    [[{ ...CLAIM, type: 'OneOf', values: ['silver', 'gold'] }], true],
    [[{ ...CLAIM, path: ['groups'], type: 'Exact', values: ['b'] }], true],
    [[{ ...CLAIM, path: ['absent'], type: 'Prefix', values: ['a'] }], false],
  ])('by claims %j', (claims, expected) => {
    const authorization = jwt({ tier: 'gold', groups: ['a', 'b'] });
    const match = { ...(claims && { claims }) };
    expect(taken([match], says('Hi', {}, { authorization })).rule).toBe(expected ? 'r0' : 'rest');
  });

  it('says what they said, and nothing that the request carried', () => {
    const over = { signals: INTENTS };
    const matched = taken(
      [{ prompt: { intents: ['refund'], difficulty: { max: 20 } } }],
      says('Refund the secretword'),
      over,
    );
    expect(matched.detail.at(-1)).toMatch(/^matches: difficulty \d+.*; intent refund \d+, next recipe \d+$/);
    const passed = taken([{ prompt: { intents: ['recipe'] } }], says('Refund the secretword'), over);
    expect(passed.detail[0]).toMatch(/^the intent is not recipe: intent refund \d+, next recipe \d+$/);
    expect(JSON.stringify([matched, passed])).not.toContain('secretword');
    const claim = { ...CLAIM, type: 'Exact' as const, values: ['free'] };
    const refused = taken(
      [{ claims: [claim] }],
      says('Hi', {}, { authorization: jwt({ tier: 'top-secret-tier' }) }),
    );
    expect(refused.detail[0]).toBe('claim tier in header authorization is not "free": claim tier present');
  });

  it('takes an unknown signal as its entry says', () => {
    const unsure = says('ok');
    expect(taken([{ prompt: { languages: ['de'] } }], unsure).rule).toBe('rest');
    const matched = taken([{ prompt: { languages: ['de'] }, whenUnknown: 'Match' }], unsure);
    expect(matched.rule).toBe('r0');
    expect(matched.detail.at(-1)).toContain('unknown: there is too little text');
    const broken = says('Hi', {}, { authorization: 'sk-none' });
    const claims = [{ ...CLAIM, type: 'Exact' as const, values: ['gold'] }];
    expect(taken([{ claims }], broken).rule).toBe('rest');
    expect(taken([{ claims, whenUnknown: 'Match' }], broken).rule).toBe('r0');
  });

  it('holds for no body that passes through unread, but for what headers say', () => {
    const unread = says('', { unread: true }, { 'x-class': 'secret' });
    const over = { classification: { header: 'x-class' } };
    expect(taken([{ prompt: { difficulty: { min: 0 } }, whenUnknown: 'Match' }], unread, over).rule).toBe(
      'rest',
    );
    expect(taken([{ classifications: ['secret'] }], unread, over).rule).toBe('r0');
  });

  it('reads the text once, however many rules ask', () => {
    let reads = 0;
    const request = facts({
      sample: () => {
        reads++;
        return { last: 'Where is my parcel?', all: 'Where is my parcel?' };
      },
    });
    const prompt: MatchBody['prompt'] = { content: ['Code'], difficulty: { min: 90 } };
    matchRule(
      routeOf([{ prompt }, { prompt: { languages: ['fr'] } }, { prompt: { difficulty: { min: 99 } } }]),
      request,
    );
    expect(reads).toBe(1);
  });

  it('leaves a request alone whose route asks for none', () => {
    const request = says('Hi');
    matchRule(routeOf([{ prompt: { turns: { min: 5 } } }]), request);
    expect(request.signals).toBeUndefined();
  });
});

/** Whose answers come from `gather` alone. */
const asker = (gather: SignalModels['gather']): SignalModels => ({
  gather,
  read: gather as never,
  peek: gather as never,
});

describe('models', () => {
  const intents: MatchBody = { prompt: { intents: ['refund'] } };
  const over = { signals: VECTORS };

  it('are asked where a rule that may be the first needs to know', () => {
    expect(askedSignals(routeOf([intents], over), says('Hi'))).toEqual(['Intents']);
    // Another clause of the entry rules it out.
    const ruledOut = { prompt: { intents: ['refund'], turns: { min: 9 } } };
    expect(askedSignals(routeOf([ruledOut], over), says('Hi'))).toEqual([]);
    // An earlier rule is taken whatever they say.
    const always: MatchBody[] = [{ prompt: { difficulty: { min: 0 } } }];
    expect(askedSignals(routeOf([intents], over, [always]), says('Hi'))).toEqual([]);
    expect(askedSignals(routeOf([intents], { signals: INTENTS }), says('Hi'))).toEqual([]);
  });

  it('are waited for only then', async () => {
    const asking = routeOf([intents], over);
    const gather = () => Promise.resolve({ intent: known('refund', 'intent refund') });
    const request = says('Hi');
    const waiting = gatherSignals({} as never, asking, request, asker(gather));
    expect(waiting).toBeInstanceOf(Promise);
    await waiting;
    expect(signalsOf(request, asking.signals).intent()).toMatchObject({ value: 'refund' });
    expect(matchRule(asking, request).rule?.body.name).toBe('r0');
    expect(
      gatherSignals({} as never, routeOf([intents], { signals: INTENTS }), says('Hi'), asker(gather)),
    ).toBeUndefined();
  });

  it('that fail leave the signal unknown', async () => {
    const request = says('Hi');
    const asking = routeOf([{ ...intents, whenUnknown: 'Match' }], over);
    await gatherSignals(
      {} as never,
      asking,
      request,
      asker(() => Promise.reject(new Error('x'))),
    );
    expect(signalsOf(request, asking.signals).intent()).toEqual(unknown('asking failed'));
    expect(matchRule(asking, request).rule?.body.name).toBe('r0');
  });
});
