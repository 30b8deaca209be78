import { describe, expect, it } from 'vitest';
import { identityOf, workloadOf } from '../../../../sidecar/limits/budgets/pod-identity.ts';

const token = (payload: object): string =>
  `x.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.x`;

describe('the workload of a pod', () => {
  it.each([
    ['web-7d4b9c6f5c-x2x4z', 'web'],
    ['checkout-api-5d8f7c9b6-zk8xq', 'checkout-api'],
    ['fluentd-x2x4z', 'fluentd'],
    ['db-0', 'db'],
    ['nightly-28391040-hx7wq', 'nightly-28391040'],
    ['alone', 'alone'],
  ])('%s is %s', (pod, workload) => expect(workloadOf(pod)).toBe(workload));
});

it('is read off the token, unless it is said', () => {
  const claims = { 'kubernetes.io': { namespace: 'shop', pod: { name: 'web-7d4b9c6f5c-x2x4z', uid: 'u' } } };
  expect(identityOf(token(claims))).toEqual({ namespace: 'shop', workload: 'web' });
  expect(identityOf(token(claims), 'frontend')).toEqual({ namespace: 'shop', workload: 'frontend' });
  for (const other of ['', 'a.b', token({}), token({ 'kubernetes.io': { namespace: 'shop' } })])
    expect(identityOf(other)).toBeUndefined();
});
