import { decodeJwt, decodeProtectedHeader } from 'jose';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Authenticator, createTokenAuthenticator } from '../../../operator/sync/identity.ts';
import { clusterKeys } from '../../../operator/sync/jwks.ts';
import { type ReviewToken, tokenReviewer } from '../../../operator/sync/token-review.ts';
import { ManualClock, until } from '../support/manual-clock.ts';
import { ListedPods, podNamed } from './support/pods.ts';
import { TokenIssuer } from './support/tokens.ts';

const HOUR_MS = 3_600_000;
const pod = podNamed('web');

let issuer: TokenIssuer;
let other: TokenIssuer;
let clock: ManualClock;
let pods: ListedPods;
let fetched: number;

beforeAll(async () => {
  issuer = await TokenIssuer.create('key-1');
  other = await TokenIssuer.create('key-2');
});
beforeEach(() => {
  clock = new ManualClock();
  pods = new ListedPods();
  pods.set(pod);
  fetched = 0;
});

interface Setup {
  fetchKeys?: () => Promise<TokenIssuer['jwks']>;
  issuer?: string;
  reviewToken?: ReviewToken;
}

function authenticator(setup: Setup = {}): Authenticator {
  const { fetchKeys = () => Promise.resolve(issuer.jwks) } = setup;
  return createTokenAuthenticator({
    pods,
    clock,
    ...setup,
    fetchKeys: () => {
      fetched += 1;
      return fetchKeys();
    },
  });
}

function times(expiresInMs = HOUR_MS) {
  return { issuedAt: clock.wall(), expiresAt: clock.wall() + expiresInMs };
}

async function judged(token: string, from = authenticator()) {
  const result = await from.authenticate(`Bearer ${token}`);
  return result.ok ? result.identity : result.reason;
}

describe('identity', () => {
  it('is the live pod the token is bound to', async () => {
    const token = await issuer.token(pod, times());
    expect(await judged(token)).toEqual({
      pod,
      serviceAccount: 'default',
      expiresAt: clock.wall() + HOUR_MS,
    });
  });

  it.each([
    ['nothing', undefined, 'Missing'],
    ['another scheme', 'Basic c2VjcmV0', 'Malformed'],
    ['no token', 'Bearer garbage', 'Malformed'],
    ['a very long token', `Bearer ${'a'.repeat(20_000)}`, 'Malformed'],
  ])('refuses %s', async (_, authorization, reason) => {
    expect(await authenticator().authenticate(authorization)).toEqual({ ok: false, reason });
  });

  it('refuses a token that is meant for another audience', async () => {
    expect(await judged(await issuer.token(pod, { ...times(), audience: 'vault' }))).toBe('Audience');
  });

  it('refuses a token of another issuer where one is configured', async () => {
    const from = authenticator({ issuer: 'https://cluster.test' });
    expect(
      await judged(await issuer.token(pod, { ...times(), issuer: 'https://elsewhere.test' }), from),
    ).toBe('Issuer');
    expect(await judged(await issuer.token(pod, times()), from)).toMatchObject({ pod });
  });

  it('refuses an expired token, also one it has seen before', async () => {
    const from = authenticator();
    const token = await issuer.token(pod, times(60_000));
    expect(await judged(token, from)).toMatchObject({ pod });
    clock.advance(60_000);
    expect(await judged(token, from)).toBe('Expired');
    expect(await judged(token, authenticator())).toBe('Expired');
  });

  it('refuses a token before its time, with little tolerance', async () => {
    const request = { ...times(), notBefore: clock.wall() + 60_000 };
    expect(await judged(await issuer.token(pod, request))).toBe('NotYetValid');
    expect(
      await judged(await issuer.token(pod, { ...request, notBefore: clock.wall() + 5_000 })),
    ).toMatchObject({
      pod,
    });
  });

  it('refuses a token without an expiry, without a pod, and one with a signature of nobody', async () => {
    expect(await judged(await issuer.token(pod, { ...times(), claims: { namespace: 'shop' } }))).toBe(
      'NotPodBound',
    );
    const forged = (await issuer.token(pod, times())).split('.');
    const otherSignature = (await issuer.token(pod, times(1000))).split('.')[2];
    expect(await judged([forged[0], forged[1], otherSignature].join('.'))).toBe('Signature');
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(await judged(`${unsigned}.${forged[1]}.`)).toBe('Malformed');
  });

  it('refuses a pod that lives under another name or namespace than the token says', async () => {
    const claims = {
      namespace: 'elsewhere',
      pod: { name: pod.name, uid: pod.uid },
      serviceaccount: { name: 'default' },
    };
    expect(await judged(await issuer.token(pod, { ...times(), claims }))).toBe('PodUnknown');
  });

  it('verifies once and remembers, but asks each time whether the pod lives', async () => {
    const from = authenticator();
    const token = await issuer.token(pod, times());
    expect(await judged(token, from)).toMatchObject({ pod });
    const relabelled = pods.set({ ...pod, labels: { app: 'new' } });
    expect(await judged(token, from)).toMatchObject({ pod: relabelled });
    expect(fetched).toBe(1);
    pods.delete(pod.uid);
    const refusal = judged(token, from);
    await until(() => clock.waits.length > 0);
    clock.advance(2_000);
    expect(await refusal).toBe('PodUnknown');
    expect(pods.listeners).toBe(0);
  });

  it('waits a moment for a pod that the watch has not shown yet', async () => {
    pods.delete(pod.uid);
    const waiting = judged(await issuer.token(pod, times()));
    await until(() => pods.listeners === 1);
    pods.set(podNamed('another'));
    expect(pods.listeners).toBe(1);
    pods.set(pod);
    expect(await waiting).toMatchObject({ pod });
    expect(clock.waits).toEqual([]);
    expect(pods.listeners).toBe(0);
  });
});

describe('keys of the cluster', () => {
  it('are fetched once for many, and again for a key id that is new', async () => {
    let keys = issuer.jwks;
    const from = authenticator({ fetchKeys: () => Promise.resolve(keys) });
    const tokens = await Promise.all([1, 2, 3, 4].map((n) => issuer.token(pod, times(n * HOUR_MS))));
    await Promise.all(tokens.map((token) => judged(token, from)));
    expect(fetched).toBe(1);
    keys = { keys: [...issuer.jwks.keys, ...other.jwks.keys] };
    clock.advance(10_000);
    expect(await judged(await other.token(pod, times()), from)).toMatchObject({ pod });
    expect(fetched).toBe(2);
  });

  it('are not fetched again and again for invented key ids', async () => {
    const from = authenticator();
    for (let n = 0; n < 20; n++) {
      expect(await judged(await other.token(pod, times(1000 + n * 1000)), from)).toBe('Signature');
    }
    expect(fetched).toBe(1);
    clock.advance(10_000);
    expect(await judged(await other.token(pod, times(999_000)), from)).toBe('Signature');
    expect(fetched).toBe(2);
  });

  it('outlive an API server that cannot be reached', async () => {
    let reachable = true;
    const from = authenticator({
      fetchKeys: () => (reachable ? Promise.resolve(issuer.jwks) : Promise.reject(new Error('down'))),
    });
    expect(await judged(await issuer.token(pod, times()), from)).toMatchObject({ pod });
    reachable = false;
    clock.advance(2 * HOUR_MS);
    expect(await judged(await issuer.token(pod, times()), from)).toMatchObject({ pod });
    expect(fetched).toBe(2);
  });

  it('outlive one that accepts connections and never answers', async () => {
    let answers = true;
    const from = authenticator({
      fetchKeys: () => (answers ? Promise.resolve(issuer.jwks) : new Promise(() => {})),
    });
    await judged(await issuer.token(pod, times()), from);
    answers = false;
    clock.advance(2 * HOUR_MS);
    const waiting = judged(await issuer.token(pod, times()), from);
    await until(() => clock.waits.length === 1, 'the wait for the API server');
    clock.advance(1_000);
    expect(await waiting).toMatchObject({ pod });
  });

  it('are there before the first token where they are fetched ahead', async () => {
    let reachable = true;
    const from = createTokenAuthenticator({
      pods,
      clock,
      fetchKeys: () => (reachable ? Promise.resolve(issuer.jwks) : Promise.reject(new Error('down'))),
    });
    await from.prepare();
    reachable = false;
    expect(await judged(await issuer.token(pod, times()), from)).toMatchObject({ pod });
  });

  it('stop counting within the hour once they are withdrawn', async () => {
    let keys = issuer.jwks;
    const from = authenticator({ fetchKeys: () => Promise.resolve(keys) });
    await judged(await issuer.token(pod, times()), from);
    keys = other.jwks;
    clock.advance(HOUR_MS + 1);
    expect(await judged(await issuer.token(pod, times()), from)).toBe('Signature');
  });

  it('cannot be had: that is no verdict on the token', async () => {
    const from = authenticator({ fetchKeys: () => Promise.reject(new Error('down')) });
    expect(await judged(await issuer.token(pod, times()), from)).toBe('Unverifiable');
  });

  it('come from the discovery endpoint of the API server', async () => {
    const asked: string[] = [];
    const fetchKeys = clusterKeys((path) => {
      asked.push(path);
      return Promise.resolve(issuer.jwks);
    });
    expect(await fetchKeys()).toEqual(issuer.jwks);
    expect(asked).toEqual(['/openid/v1/jwks']);
    await expect(clusterKeys(() => Promise.resolve({ kind: 'Status' }))()).rejects.toThrow('no key set');
  });
});

describe('token review', () => {
  const unreachable = () => Promise.reject(new Error('down'));
  const reviewed = {
    status: {
      authenticated: true,
      audiences: ['outrider'],
      user: {
        username: 'system:serviceaccount:shop:default',
        extra: {
          'authentication.kubernetes.io/pod-name': [pod.name],
          'authentication.kubernetes.io/pod-uid': [pod.uid],
        },
      },
    },
  };

  it('is asked where there are no keys, with the audience', async () => {
    const asked: unknown[] = [];
    const reviewToken = tokenReviewer((path, body) => {
      asked.push([path, body]);
      return Promise.resolve(reviewed);
    });
    const token = await issuer.token(pod, times());
    const identity = await judged(token, authenticator({ fetchKeys: unreachable, reviewToken }));
    expect(identity).toEqual({ pod, serviceAccount: 'default', expiresAt: clock.wall() + HOUR_MS });
    expect(asked).toEqual([
      [
        '/apis/authentication.k8s.io/v1/tokenreviews',
        {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token, audiences: ['outrider'] },
        },
      ],
    ]);
  });

  it('is asked for a key the cluster does not publish', async () => {
    const reviewToken = tokenReviewer(() => Promise.resolve(reviewed));
    expect(await judged(await other.token(pod, times()), authenticator({ reviewToken }))).toMatchObject({
      pod,
    });
  });

  it.each([
    ['not authenticated', { status: { ...reviewed.status, authenticated: false } }, 'Signature'],
    ['without the audience', { status: { ...reviewed.status, audiences: undefined } }, 'Signature'],
    ['of a user', { status: { ...reviewed.status, user: { username: 'alice' } } }, 'Signature'],
    [
      'without a pod',
      { status: { ...reviewed.status, user: { username: 'system:serviceaccount:shop:default' } } },
      'Signature',
    ],
    ['empty', {}, 'Signature'],
  ])('that is %s refuses', async (_, answer, reason) => {
    const reviewToken = tokenReviewer(() => Promise.resolve(answer));
    const from = authenticator({ fetchKeys: unreachable, reviewToken });
    expect(await judged(await issuer.token(pod, times()), from)).toBe(reason);
  });

  it('is not asked about tokens that are expired anyway, and is asked by few at a time', async () => {
    let asked = 0;
    let answer = (): void => {};
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const reviewToken: ReviewToken = async () => {
      asked += 1;
      await gate;
      return undefined;
    };
    const from = authenticator({ fetchKeys: unreachable, reviewToken });
    expect(await judged(await issuer.token(pod, times(-1000)), from)).toBe('Expired');
    expect(asked).toBe(0);
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, n) => issuer.token(pod, times(1000 + n * 1000))),
    );
    const verdicts = Promise.all(tokens.map((token) => judged(token, from)));
    await until(() => asked === 16);
    answer();
    const counts = Map.groupBy(await verdicts, (verdict) => verdict);
    expect([counts.get('Signature')?.length, counts.get('Unverifiable')?.length]).toEqual([16, 4]);
  });

  it('that cannot be had is no verdict either', async () => {
    const from = authenticator({ fetchKeys: unreachable, reviewToken: unreachable });
    expect(await judged(await issuer.token(pod, times()), from)).toBe('Unverifiable');
  });
});

it('writes tokens as a cluster does', async () => {
  const token = await issuer.token(pod, times());
  expect(decodeProtectedHeader(token)).toEqual({ alg: 'RS256', kid: 'key-1' });
  expect(decodeJwt(token)).toMatchObject({
    aud: ['outrider'],
    'kubernetes.io': { namespace: 'shop', pod: { name: 'web', uid: pod.uid } },
  });
});
