import { describe, expect, it } from 'vitest';
import { inject } from '../../../operator/inject/mutate.ts';
import type { Pod } from '../../../operator/inject/pod.ts';
import { judgeUninjected } from '../../../operator/inject/uninjected.ts';
import { settingsWith } from './support/case.ts';

const settings = settingsWith();
const namespace = { name: 'shop', labels: { 'outrider.dev/injection': 'enabled' } };
const owned = (kind: string) => ({ ownerReferences: [{ kind, name: 'web', uid: 'u', controller: true }] });
const pod = (metadata: object = {}, spec: object = {}, rest: object = {}): Pod => ({
  metadata: { name: 'web-1', ...metadata },
  spec: { containers: [{ name: 'web' }], ...spec },
  status: { phase: 'Running' },
  ...rest,
});
const judge = (given: Pod, place = namespace) => judgeUninjected(given, place, settings);

describe('a pod without a sidecar', () => {
  it.each([
    ['ReplicaSet', true],
    ['StatefulSet', true],
    ['DaemonSet', true],
    ['Rollout', true],
    ['Job', false],
    ['Node', false],
  ])('of a %s: replaced when it is evicted, %s', (kind, replaced) => {
    const verdict = judge(pod(owned(kind)));
    expect(verdict).toMatchObject({
      reason: 'Missing',
      message: expect.stringContaining('should have a sidecar and has none'),
    });
    expect(verdict?.replacedBy !== undefined).toBe(replaced);
  });

  it('that nobody controls is not replaced', () => {
    const referenced = { ownerReferences: [{ kind: 'ReplicaSet', name: 'web', uid: 'u' }] };
    expect(judge(pod(referenced))).toEqual({ reason: 'Missing', message: expect.any(String) });
    expect(judge(pod())).not.toHaveProperty('replacedBy');
  });

  it.each([
    ['has ended', pod({}, {}, { status: { phase: 'Succeeded' } })],
    ['has failed', pod({}, {}, { status: { phase: 'Failed' } })],
    ['is ending', pod({ deletionTimestamp: '2026-01-01T00:00:00Z' })],
    ['declined', pod({ labels: { 'outrider.dev/inject': 'false' } })],
    ['has one', (inject(pod(), namespace, settings) as { pod: Pod }).pod],
  ])('is no matter where it %s', (_, given) => {
    expect(judge(given)).toBeUndefined();
  });

  it('is none of ours outside of namespaces that asked, unless it asks itself', () => {
    const elsewhere = { name: 'other', labels: {} };
    expect(judge(pod(), elsewhere as typeof namespace)).toBeUndefined();
    const asking = pod({ labels: { 'outrider.dev/inject': 'true' } });
    expect(judge(asking, elsewhere as typeof namespace)).toMatchObject({ reason: 'Missing' });
    expect(judge(asking, { ...namespace, name: 'kube-system' })).toBeUndefined();
  });

  it('that cannot have one says why, and is never replaced', () => {
    expect(judge(pod(owned('ReplicaSet'), { hostNetwork: true }))).toEqual({
      reason: 'HostNetwork',
      message: expect.stringContaining('the network of its node'),
    });
    expect(judge(pod({ ...owned('ReplicaSet'), annotations: { 'outrider.dev/port': '1' } }))).toEqual({
      reason: 'Refused',
      message: expect.stringContaining('outrider.dev/port is "1"; it must be a port from 1024 to 65535'),
    });
  });

  it('whose label was taken away has one that nobody serves', () => {
    const { pod: injected } = inject(pod(owned('ReplicaSet')), namespace, settings) as { pod: Pod };
    expect(judge({ ...injected, metadata: { ...injected.metadata, labels: {} } })).toEqual({
      reason: 'Unlabelled',
      message: expect.stringContaining('outrider.dev/sidecar'),
    });
  });

  it('is not called missing for what another injector added beside the sidecar', () => {
    const { pod: injected } = inject(pod(), namespace, settings) as { pod: Pod };
    const containers = [...injected.spec.containers, { name: 'agent' }];
    expect(judge({ ...injected, spec: { ...injected.spec, containers } })).toBeUndefined();
  });
});
