import { describe, expect, it } from 'vitest';
import { isPinned, isUnstored, replayOf } from '../../../sidecar/routing/kept.ts';
import { rule, target } from '../support/configuration.ts';

const asked = rule([target('a')]);
const never = rule([target('a')], { responses: { store: 'Never' } });
const facts = (pinned: boolean, stores: boolean) => ({ pinned, stores, replay: 'Free' as const });

describe('what a vendor keeps', () => {
  it.each([
    ['nothing', facts(false, false), asked, { pinned: false, unstored: false, replay: 'Free' }],
    ['an answer, as asked', facts(false, true), asked, { pinned: true, unstored: false, replay: 'Unsent' }],
    [
      'an answer, but for the rule',
      facts(false, true),
      never,
      { pinned: false, unstored: true, replay: 'Free' },
    ],
    [
      'what the request refers to',
      facts(true, true),
      never,
      { pinned: true, unstored: true, replay: 'Unsent' },
    ],
  ])('is %s', (_, known, body, expected) => {
    expect({
      pinned: isPinned(known, body),
      unstored: isUnstored(known, body),
      replay: replayOf(known, body),
    }).toEqual(expected);
  });
});
