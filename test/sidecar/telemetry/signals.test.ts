import { describe, expect, it } from 'vitest';
import { matchRule } from '../../../sidecar/routing/match-rule.ts';
import type { RequestFacts } from '../../../sidecar/routing/plan.ts';
import { finish } from '../../../sidecar/telemetry/finished.ts';
import { callFacts } from '../../../sidecar/telemetry/span-attributes.ts';
import { logRecord } from '../../../sidecar/telemetry/summarise.ts';
import { facts, route, rule, table } from '../routing/support.ts';
import { exchange, world } from './exchanges.ts';

/** A finished request whose rule asked for the matches. */
function finished(matches: Parameters<typeof rule>[1], text: string) {
  const asked: RequestFacts = facts({ userText: () => [text] });
  const [made] = table([route('r', ['m'], [rule('a', matches), rule('rest')])]).routes;
  if (!made) throw new Error('the table has the route');
  matchRule(made, asked);
  const one = exchange(world(), { facts: asked });
  if (!one.outcome) throw new Error('it has ended');
  return finish(one, one.outcome);
}

function spanOf(text: string, matches: Parameters<typeof rule>[1]): Record<string, unknown> {
  const end = finished(matches, text);
  const attributes: Record<string, unknown> = {};
  if (!end.last) throw new Error('it was tried');
  const provider = { label: 'p', genAi: 'p', host: 'h', port: 1 } as never;
  callFacts(end, end.last, provider, { put: (key, value) => (attributes[key] = value) });
  return attributes;
}

const ASKS = {
  matches: [
    { prompt: { content: ['Math' as const], difficulty: { min: 90 } } },
    { prompt: { languages: ['fr'] } },
  ],
};
const TEXT = 'Where is the derivative of x^2 + 2x = 0?';

describe('what rules asked of a prompt', () => {
  it('is in the log, in words of ours only', () => {
    const { signals } = logRecord(finished(ASKS, TEXT), undefined, 1);
    expect(signals).toEqual({ content: ['Math'], difficulty: expect.any(Number) as number, language: 'en' });
  });

  it('is in the span of the call', () => {
    expect(spanOf(TEXT, ASKS)).toMatchObject({
      'outrider.signal.content': ['Math'],
      'outrider.signal.language': 'en',
      'outrider.signal.intent': undefined,
    });
  });

  it('is nowhere where none asked', () => {
    expect(logRecord(finished({}, TEXT), undefined, 1)).not.toHaveProperty('signals');
    expect(Object.keys(spanOf(TEXT, {})).filter((key) => key.startsWith('outrider.signal'))).toEqual([]);
  });

  it('leaves out what is not known', () => {
    expect(
      logRecord(finished({ matches: [{ prompt: { languages: ['fr'] } }] }, 'ok'), undefined, 1),
    ).not.toHaveProperty('signals');
  });
});
