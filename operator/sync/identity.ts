/**
 * Who is calling: a projected ServiceAccount token bound to a pod that lives.
 *
 * Verified against the cluster's public keys: signature, audience, issuer where configured, expiry, not-before. What was
 * verified is remembered by the token's hash until it expires; whether the pod still lives is asked every time. The
 * API server's own review is the fallback where the keys cannot be had or do not know the token's key.
 */
import { hash as digest } from 'node:crypto';
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { type Clock, systemClock } from '../../sidecar/snapshot/clock.ts';
import type { FetchKeys, KeyResolver } from './jwks.ts';
import { KeyCache } from './jwks.ts';
import type { LivePod, PodLookup } from './pods.ts';
import type { ReviewToken } from './token-review.ts';

export interface Identity {
  pod: LivePod;
  serviceAccount: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** For metrics and the operator's log. The caller only learns that the token was not accepted. */
export type RefusalReason =
  | 'Missing' // no bearer token
  | 'Malformed' // not a token, or claims of the wrong shape
  | 'Signature' // not signed by the cluster
  | 'Audience' // meant for someone else
  | 'Issuer' // issued by another cluster
  | 'Expired'
  | 'NotYetValid'
  | 'NotPodBound' // a token without a pod in it
  | 'PodUnknown' // the pod does not live, or lives under another name
  | 'Unverifiable'; // neither keys nor the API server's review could be had

type Authentication = { ok: true; identity: Identity } | { ok: false; reason: RefusalReason };

export interface Authenticator {
  /** Judges the value of an `authorization` header. Never throws, and never puts any part of a token in a result. */
  authenticate(authorization: string | undefined): Promise<Authentication>;
}

export interface TokenAuthenticatorOptions {
  fetchKeys: FetchKeys;
  pods: PodLookup;
  audience?: string;
  /** Unset: any issuer whose signature holds. */
  issuer?: string;
  reviewToken?: ReviewToken;
  clock?: Clock;
}

const AUDIENCE = 'outrider';
const MAX_TOKEN_BYTES = 16_384;
/** A pod's first request may overtake the watch that brings the pod. */
const POD_WAIT_MS = 2_000;
const MAX_WAITING = 1_000;
const MAX_REMEMBERED = 10_000;
const MAX_REVIEWS = 16;
/** Seconds that the clocks of the API server and the operator may disagree on not-before. */
const TOLERANCE_S = 10;
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];

interface BoundToken {
  namespace: string;
  podName: string;
  podUid: string;
  serviceAccount: string;
  expiresAt: number;
}

/** Judges by keys of the cluster; `prepare` fetches them ahead, so that a replica nobody has asked yet can do without the API server. */
export function createTokenAuthenticator(
  options: TokenAuthenticatorOptions,
): Authenticator & { prepare(): Promise<void> } {
  return new TokenAuthenticator(options);
}

class TokenAuthenticator implements Authenticator {
  readonly #options: TokenAuthenticatorOptions;
  readonly #audience: string;
  readonly #clock: Clock;
  readonly #keys: KeyCache;
  readonly #remembered = new Map<string, BoundToken>();
  #waiting = 0;
  #reviews = 0;

  constructor(options: TokenAuthenticatorOptions) {
    this.#options = options;
    this.#audience = options.audience ?? AUDIENCE;
    this.#clock = options.clock ?? systemClock;
    this.#keys = new KeyCache(options.fetchKeys, this.#clock);
  }

  async prepare(): Promise<void> {
    await this.#keys.current();
  }

  async authenticate(authorization: string | undefined): Promise<Authentication> {
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return { ok: false, reason: authorization ? 'Malformed' : 'Missing' };
    if (token.length > MAX_TOKEN_BYTES) return { ok: false, reason: 'Malformed' };
    const bound = await this.#verified(token);
    if (typeof bound === 'string') return { ok: false, reason: bound };
    const pod = await this.#livePod(bound.podUid);
    if (pod?.namespace !== bound.namespace || pod.name !== bound.podName) {
      return { ok: false, reason: 'PodUnknown' };
    }
    return {
      ok: true,
      identity: { pod, serviceAccount: bound.serviceAccount, expiresAt: bound.expiresAt },
    };
  }

  async #verified(token: string): Promise<BoundToken | RefusalReason> {
    const hash = digest('sha256', token, 'base64');
    const known = this.#remembered.get(hash);
    if (known) {
      if (known.expiresAt > this.#clock.wall()) return known;
      this.#remembered.delete(hash);
      return 'Expired';
    }
    const judged = await this.#judge(token);
    if (typeof judged === 'string') return judged;
    if (judged.expiresAt <= this.#clock.wall()) return 'Expired';
    if (this.#remembered.size >= MAX_REMEMBERED) {
      for (const oldest of this.#remembered.keys()) {
        this.#remembered.delete(oldest);
        break;
      }
    }
    this.#remembered.set(hash, judged);
    return judged;
  }

  async #judge(token: string): Promise<BoundToken | RefusalReason> {
    const keys = await this.#keys.current();
    if (!keys) return this.#review(token, 'Unverifiable');
    const first = await this.#check(token, keys);
    if (first !== 'KeyUnknown') return first;
    await this.#keys.refresh();
    const fresh = await this.#keys.current();
    const second = fresh && fresh !== keys ? await this.#check(token, fresh) : 'KeyUnknown';
    return second === 'KeyUnknown' ? this.#review(token, 'Signature') : second;
  }

  async #check(token: string, keys: KeyResolver): Promise<BoundToken | RefusalReason | 'KeyUnknown'> {
    try {
      const { payload } = await jwtVerify(token, keys, {
        audience: this.#audience,
        ...(this.#options.issuer !== undefined && { issuer: this.#options.issuer }),
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
        clockTolerance: TOLERANCE_S,
        currentDate: new Date(this.#clock.wall()),
      });
      return boundToken(payload);
    } catch (error) {
      return refusal(error);
    }
  }

  /** Asks the API server, after what can be read without it; `otherwise` where there is no one to ask. */
  async #review(token: string, otherwise: RefusalReason): Promise<BoundToken | RefusalReason> {
    const review = this.#options.reviewToken;
    if (!review) return otherwise;
    const claims = readClaims(token);
    if (!claims) return 'Malformed';
    if (typeof claims.exp !== 'number') return 'Malformed';
    if (claims.exp * 1000 <= this.#clock.wall()) return 'Expired';
    if (this.#reviews >= MAX_REVIEWS) return 'Unverifiable';
    this.#reviews += 1;
    try {
      const reviewed = await review(token, this.#audience);
      return reviewed ? { ...reviewed, expiresAt: claims.exp * 1000 } : 'Signature';
    } catch {
      return 'Unverifiable';
    } finally {
      this.#reviews -= 1;
    }
  }

  #livePod(uid: string): Promise<LivePod | undefined> {
    const { pods } = this.#options;
    const pod = pods.get(uid);
    if (pod || this.#waiting >= MAX_WAITING) return Promise.resolve(pod);
    this.#waiting += 1;
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#waiting -= 1;
        timer.cancel();
        unsubscribe();
        resolve(pods.get(uid));
      };
      const timer = this.#clock.after(POD_WAIT_MS, finish);
      const unsubscribe = pods.onChange((changed) => {
        if (changed === uid && pods.get(uid)) finish();
      });
    });
  }
}

function readClaims(token: string): JWTPayload | undefined {
  try {
    return decodeJwt(token);
  } catch {
    return undefined;
  }
}

/** The claims Kubernetes writes into projected tokens, under `kubernetes.io`. */
function boundToken(payload: JWTPayload): BoundToken | RefusalReason {
  const claims = payload['kubernetes.io'] as
    | {
        namespace?: unknown;
        pod?: { name?: unknown; uid?: unknown };
        serviceaccount?: { name?: unknown };
      }
    | undefined;
  const { name: podName, uid: podUid } = claims?.pod ?? {};
  if (typeof podName !== 'string' || typeof podUid !== 'string') return 'NotPodBound';
  const namespace = claims?.namespace;
  const serviceAccount = claims?.serviceaccount?.name;
  if (typeof namespace !== 'string' || typeof serviceAccount !== 'string') return 'Malformed';
  return { namespace, podName, podUid, serviceAccount, expiresAt: (payload.exp ?? 0) * 1000 };
}

function refusal(error: unknown): RefusalReason | 'KeyUnknown' {
  if (error instanceof errors.JWKSNoMatchingKey) return 'KeyUnknown';
  if (error instanceof errors.JWTExpired) return 'Expired';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'Signature';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return 'Audience';
    if (error.claim === 'iss') return 'Issuer';
    if (error.claim === 'nbf') return 'NotYetValid';
  }
  return 'Malformed';
}
