import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../operator/compile/types.ts';
import { remarks } from '../../../operator/status/remarks.ts';

const verdict = (name: string, accepted: boolean, resolved: boolean, conflicted = false): Verdict => ({
  kind: 'LLMRoute',
  namespace: 'shop',
  name,
  uid: name,
  generation: 1,
  itemId: `route/shop/${name}`,
  conditions: [
    { type: 'Accepted', status: accepted ? 'True' : 'False', reason: 'A', message: 'of acceptance' },
    { type: 'ResolvedRefs', status: resolved ? 'True' : 'False', reason: 'R', message: 'of references' },
    { type: 'Conflicted', status: conflicted ? 'True' : 'False', reason: 'C', message: 'of conflicts' },
  ],
});

const said = (verdicts: Verdict[], ...refused: [string, 'Stale' | 'Rejected'][]) =>
  remarks(verdicts, {
    hash: 'h',
    credentialsVersion: '',
    exceptions: refused.map(([id, state]) => ({ id, state, reason: 'why' })),
  }).map(({ name, message }) => `${name}: ${message}`);

describe('remarks', () => {
  it('are none where all is well', () => {
    expect(said([verdict('a', true, true)], ['route/shop/gone', 'Rejected'])).toEqual([]);
  });

  it('name every fault of every object', () => {
    expect(said([verdict('a', false, false), verdict('b', true, true, true)])).toEqual([
      'a: of acceptance',
      'a: of references',
      'b: of conflicts',
    ]);
  });

  it('are one for each part that is about a field or a credential', () => {
    const two = verdict('a', true, false);
    const message =
      'spec.rules[0].targets[0].provider: there is none; did you mean "b"?; spec.rules[1].targets[0].model: not there; credential "c": gone; and 3 more';
    const conditions = two.conditions.map((each) => (each.status === 'False' ? { ...each, message } : each));
    const told = said([{ ...two, conditions: conditions.filter(({ type }) => type !== 'Conflicted') }]);
    expect(told).toEqual([
      'a: spec.rules[0].targets[0].provider: there is none; did you mean "b"?',
      'a: spec.rules[1].targets[0].model: not there',
      'a: credential "c": gone',
      'a: and 3 more',
    ]);
  });

  it('tell what the sidecar refuses, once', () => {
    const verdicts = [verdict('a', true, true), verdict('b', true, false), verdict('c', false, true)];
    expect(
      said(verdicts, ['route/shop/a', 'Rejected'], ['route/shop/b', 'Stale'], ['route/shop/c', 'Stale']),
    ).toEqual([
      'a: the sidecar refuses it: why',
      'b: of references',
      'b: the sidecar keeps the version before: why',
      'c: of acceptance',
    ]);
  });
});
