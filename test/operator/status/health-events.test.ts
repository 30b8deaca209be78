/** What people are told when pods find a provider to do worse, or well again. */
import { describe, expect, it } from 'vitest';
import type { Condition } from '../../../crds/common.ts';
import type { Verdict } from '../../../operator/compile/types.ts';
import { healthEvent } from '../../../operator/status/health-events.ts';

const verdict: Verdict = {
  kind: 'LLMProvider',
  namespace: 'shop',
  name: 'vendor',
  uid: 'u',
  generation: 1,
  itemId: 'provider/shop/vendor',
  conditions: [],
};

const healthy = (status: Condition['status'], reason: string, message = 'm: 2 pods') => ({
  conditions: [
    {
      type: 'Healthy',
      status,
      reason,
      message,
      observedGeneration: 1,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ],
});

const ANSWERING = healthy('True', 'Answering');
const WORSENING = healthy('True', 'Worsening', 'm: 2 of 3 pods see it getting worse');

describe('an Event on the health of a provider', () => {
  it('warns of a trend, of slowness and of being down, with what the condition says', () => {
    expect(healthEvent(verdict, ANSWERING, WORSENING)).toEqual({
      regarding: {
        apiVersion: 'outrider.dev/v1alpha1',
        kind: 'LLMProvider',
        namespace: 'shop',
        name: 'vendor',
        uid: 'u',
      },
      type: 'Warning',
      reason: 'Worsening',
      action: 'Observe',
      note: 'm: 2 of 3 pods see it getting worse',
    });
    for (const reason of ['Slow', 'Down']) {
      const event = healthEvent(verdict, WORSENING, healthy('False', reason));
      expect(event).toMatchObject({ type: 'Warning', reason });
    }
  });

  it('says that it is over', () => {
    for (const before of [WORSENING, healthy('False', 'Down')]) {
      expect(healthEvent(verdict, before, ANSWERING)).toMatchObject({ type: 'Normal', reason: 'Answering' });
    }
  });

  it('warns of a provider that is down from the start', () => {
    expect(healthEvent(verdict, undefined, healthy('False', 'Down'))).toMatchObject({ type: 'Warning' });
  });

  it('is silent where nothing but numbers changed, and about what is well', () => {
    expect(healthEvent(verdict, WORSENING, healthy('True', 'Worsening', 'm: 3 of 3 pods'))).toBeUndefined();
    expect(healthEvent(verdict, undefined, ANSWERING)).toBeUndefined();
    expect(healthEvent(verdict, healthy('Unknown', 'NoTraffic'), ANSWERING)).toBeUndefined();
    expect(healthEvent(verdict, ANSWERING, { conditions: [] })).toBeUndefined();
  });
});
