/** Signals that need no model: what the resource says, what the sidecar gets, what is unset, and what is refused. */
import { describe, expect, it } from 'vitest';
import type { LLMRouteSpec } from '../../../crds/llmroute.ts';
import { Filler } from '../../../operator/compile/defaults.ts';
import {
  effectiveMatchSignals,
  effectiveSignals,
  matchSignalsBody,
  signalsBody,
} from '../../../operator/compile/signals.ts';
import type { RouteBody, RouteItem } from '../../../sidecar/snapshot/schema.ts';
import { validateItem } from '../../../sidecar/snapshot/validate.ts';
import { routeItem, rule, target } from '../../sidecar/support/configuration.ts';

const list = [
  { name: 'refund', examples: ['money back'] },
  { name: 'other', examples: ['hello'] },
];
const NO_TARGETS = { intents: undefined, classifier: undefined };

describe('signals of a route', () => {
  it('have defaults that are shown', () => {
    const fill = new Filler();
    expect(effectiveSignals({ intents: { list } }, fill)).toEqual({
      intents: { method: 'Lexical', minScorePercent: 60, marginPercent: 10, list },
    });
    expect(fill.defaulted.sort()).toEqual([
      'spec.signals.intents.marginPercent',
      'spec.signals.intents.method',
      'spec.signals.intents.minScorePercent',
    ]);
    const claim = { header: 'X-User', path: ['tier'], value: 'gold' };
    const match = { claims: [claim], prompt: { languages: ['de'] } } as Parameters<
      typeof effectiveMatchSignals
    >[0];
    expect(effectiveMatchSignals(match, 'm', fill)).toEqual({
      claims: [{ ...claim, format: 'JWT', type: 'Exact' }],
      whenUnknown: 'Skip',
    });
    expect(effectiveMatchSignals({ prompt: { difficulty: { min: 3 } } }, 'm', fill)).toEqual({});
  });

  it('reach the sidecar in its words', () => {
    const signals = effectiveSignals({ intents: { list, marginPercent: 0 } }, new Filler());
    const spec: Pick<LLMRouteSpec, 'signals' | 'classification'> = {
      ...(signals && { signals }),
      classification: { header: 'X-Data-Class', unset: 'Internal' },
    };
    expect(signalsBody(spec, NO_TARGETS)).toEqual({
      signals: { intents: { method: 'Lexical', minScorePercent: 60, marginPercent: 0, list } },
      classification: { header: 'x-data-class', unset: 'internal' },
    });
    expect(
      matchSignalsBody({
        classifications: ['Secret', 'secret'],
        claims: [{ header: 'X-User', path: ['a'], type: 'OneOf', values: ['b', 'c'] }],
        whenUnknown: 'Skip',
      }),
    ).toEqual({
      classifications: ['secret'],
      claims: [{ header: 'x-user', format: 'JWT', path: ['a'], type: 'OneOf', values: ['b', 'c'] }],
    });
  });
});

/** Why the sidecar refuses a route with the matches and members of the body; undefined: it takes it. */
function refusal(
  matches: RouteBody['rules'][number]['matches'],
  over: Partial<RouteBody>,
): string | undefined {
  const item: RouteItem = routeItem('a', ['m'], [rule([target('t')], { matches })]);
  if (item.body) item.body = { ...item.body, ...over };
  const verdict = validateItem(item);
  return verdict.ok ? undefined : verdict.reason;
}

describe('the judge of items', () => {
  const intents = { method: 'Lexical' as const, minScorePercent: 40, marginPercent: 5, list };
  const claim = {
    header: 'x-user',
    format: 'JWT' as const,
    path: ['a'],
    type: 'Exact' as const,
    values: ['b'],
  };
  const many = (examples: string[]) => ({
    signals: { intents: { ...intents, list: [{ name: 'a', examples }] } },
  });

  it('takes what is defined', () => {
    const over = { signals: { intents }, classification: { header: 'x-class' } };
    const asked = { prompt: { intents: ['refund', 'none'] }, classifications: ['secret'], claims: [claim] };
    expect(refusal([asked], over)).toBeUndefined();
  });

  it.each<[string, RouteBody['rules'][number]['matches'], Partial<RouteBody>]>([
    ['asks for intents, but the route defines none', [{ prompt: { intents: ['refund'] } }], {}],
    ['it must be of none, refund, other', [{ prompt: { intents: ['refunds'] } }], { signals: { intents } }],
    ['does not say where labels come from', [{ classifications: ['a'] }], {}],
    ['a label in lower-case', [{ classifications: ['A'] }], { classification: { header: 'x-class' } }],
    ['min is 9, more than max 8', [{ prompt: { difficulty: { min: 9, max: 8 } } }], {}],
    ['needs min or max', [{ prompt: { difficulty: {} } }], {}],
    ['one of ar, bg', [{ prompt: { languages: ['xx'] } }], {}],
    ['must be one value', [{ claims: [{ ...claim, values: ['a', 'b'] }] }], {}],
    ['RE2', [{ claims: [{ ...claim, type: 'RegularExpression', values: ['(?=a)'] }] }], {}],
    [
      'embeddings is missing; it must be set',
      [],
      { signals: { intents: { ...intents, method: 'Embeddings' } } },
    ],
    [
      'it must be another name',
      [],
      { signals: { intents: { ...intents, list: [{ name: 'none', examples: ['a'] }] } } },
    ],
    [
      'all together may have 131072',
      [],
      many(Array.from({ length: 128 }, (_, i) => `${i}`.padEnd(1024, 'x')).concat()),
    ],
    ['more than once', [], many(['a', 'a'])],
  ])('refuses what %s', (reason, matches, over) => {
    // 128 examples of the longest kind are just at the bound; a second intent goes beyond it.
    const list128 = over.signals?.intents?.list;
    const beyond = reason.startsWith('all together') && list128;
    const body = beyond
      ? { signals: { intents: { ...intents, list: [...beyond, { name: 'b', examples: ['one more'] }] } } }
      : over;
    expect(refusal(matches, body)).toContain(reason);
  });
});
