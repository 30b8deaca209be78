import { describe, expect, it } from 'vitest';
import {
  choose,
  couldTakeOver,
  type SelectionInput,
  type Tried,
} from '../../../sidecar/dispatch/selection.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';

const candidate = (provider: string, key: string, model = 'm', type = 'APIKey'): Candidate =>
  ({
    providerId: provider,
    credential: { id: `${provider}/${key}`, type },
    upstreamModel: model,
    target: { name: `${provider}-${key}-${model}` },
  }) as unknown as Candidate;

const A1 = candidate('a', '1');
const A2 = candidate('a', '2');
const A1X = candidate('a', '1', 'x');
const B = candidate('b', '1');

const tried = (c: Candidate, retry: Tried['retry'], scope: Tried['scope'], notBefore = 0): Tried => ({
  candidate: c,
  retry,
  scope,
  notBefore,
});

function pick(
  candidates: Candidate[],
  more: Partial<SelectionInput> & { ejected?: Candidate[]; keyless?: Candidate[] } = {},
) {
  const { ejected = [], keyless = [], ...rest } = more;
  const choice = choose({
    candidates,
    tried: [],
    maxWaitMs: 1000,
    pinned: false,
    passthroughProvider: undefined,
    now: () => 0,
    ejection: (c) => (ejected.includes(c) ? { scope: 'Model', until: 1, probing: false } : undefined),
    hasKey: (c) => !keyless.includes(c),
    ...rest,
  });
  return choice && [choice.candidate.target.name, choice.waitMs, choice.lastResort];
}

describe('selection', () => {
  it('follows the plan', () => expect(pick([A1, B])).toEqual(['a-1-m', 0, false]));
  it('goes past what is ejected', () =>
    expect(pick([A1, B], { ejected: [A1] })).toEqual(['b-1-m', 0, false]));
  it('goes past what has no key', () =>
    expect(pick([A1, B], { keyless: [A1] })).toEqual(['b-1-m', 0, false]));
  it('takes the first when all is ejected', () =>
    expect(pick([A1, B], { ejected: [A1, B] })).toEqual(['a-1-m', 0, true]));
  it('asks nobody about health for what is pinned', () =>
    expect(pick([A1, B], { ejected: [A1], pinned: true })).toEqual(['a-1-m', 0, false]));

  it('prefers what was not tried to what was', () => {
    const failed = [tried(A1, 'Same', 'Model', 50)];
    expect(pick([A1, B], { tried: failed })).toEqual(['b-1-m', 0, false]);
    expect(pick([A1, B], { tried: failed, ejected: [B] }), 'then the same again').toEqual([
      'a-1-m',
      50,
      false,
    ]);
    expect(pick([A1, B], { tried: failed, ejected: [A1, B] }), 'then the last resort').toEqual([
      'b-1-m',
      0,
      true,
    ]);
  });

  it('waits for the same provider, not for another, and not when only the key was at fault', () => {
    expect(pick([A1, A2], { tried: [tried(A1, 'Same', 'Model', 50)] })).toEqual(['a-2-m', 50, false]);
    expect(pick([A1, A2], { tried: [tried(A1, 'Same', 'CredentialModel', 50)] })).toEqual([
      'a-2-m',
      0,
      false,
    ]);
  });

  it('does not wait for longer than it is worth', () => {
    expect(pick([A1], { tried: [tried(A1, 'Same', 'Model', 1001)] })).toBeUndefined();
  });

  it('does not repeat what cannot help', () => {
    expect(pick([A1, A1X, A2], { tried: [tried(A1, 'OtherCredential', 'Credential')] })).toEqual([
      'a-2-m',
      0,
      false,
    ]);
    expect(pick([A1, A2, A1X], { tried: [tried(A1, 'OtherTarget', 'Model')] })).toEqual(['a-1-x', 0, false]);
    expect(pick([A1, A2], { tried: [tried(A1, 'OtherTarget', 'None')] })).toBeUndefined();
    expect(pick([A1], { tried: [tried(A1, 'Never', 'None')] })).toBeUndefined();
  });

  it("keeps the caller's own key with one provider", () => {
    const own = [candidate('a', 'own', 'm', 'Passthrough'), candidate('b', 'own', 'm', 'Passthrough')];
    const failed = [tried(own[0] as Candidate, 'OtherTarget', 'Model')];
    expect(pick(own, { tried: failed, passthroughProvider: 'a' })).toBeUndefined();
  });

  it('finds nothing in an empty plan', () => expect(pick([])).toBeUndefined());
});

describe('taking over from one that answers nobody', () => {
  const could = (candidate: Candidate, more: Partial<SelectionInput> = {}): boolean =>
    couldTakeOver(candidate, A1, {
      candidates: [],
      tried: [],
      maxWaitMs: 0,
      pinned: false,
      passthroughProvider: undefined,
      now: () => 0,
      ejection: () => undefined,
      hasKey: () => true,
      ...more,
    });

  it('is for other models and providers, not for another key', () =>
    expect([A2, A1X, B].map((c) => could(c))).toEqual([false, true, true]));
  it('is not for whoever would not be asked then', () => {
    const mayRepeatAt = (): boolean => false;
    expect(
      [A1X, B].map((c) => could(c, { mayRepeatAt })),
      'no repetition is left',
    ).toEqual([false, true]);
    expect(could(B, { tried: [tried(B, 'Never', 'Endpoint')] })).toBe(false);
    expect(could(B, { hasKey: () => false })).toBe(false);
    expect(could(candidate('b', '1', 'm', 'Passthrough'), { passthroughProvider: 'a' })).toBe(false);
  });
});
