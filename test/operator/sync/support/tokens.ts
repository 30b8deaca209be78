/** Projected ServiceAccount tokens as a cluster issues them. */
import { type CryptoKey, exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from 'jose';
import type { LivePod } from '../../../../operator/sync/pods.ts';

export interface TokenRequest {
  audience?: string;
  issuer?: string;
  /** Milliseconds since the epoch. */
  issuedAt: number;
  expiresAt: number;
  notBefore?: number;
  /** Claims under `kubernetes.io` instead of those of the pod. */
  claims?: unknown;
}

export class TokenIssuer {
  readonly #privateKey: CryptoKey;
  readonly jwks: JSONWebKeySet;
  readonly #kid: string;

  private constructor(privateKey: CryptoKey, jwks: JSONWebKeySet, kid: string) {
    this.#privateKey = privateKey;
    this.jwks = jwks;
    this.#kid = kid;
  }

  static async create(kid = 'cluster-1'): Promise<TokenIssuer> {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
    return new TokenIssuer(privateKey, { keys: [jwk] }, kid);
  }

  token(pod: Pick<LivePod, 'namespace' | 'name' | 'uid'>, request: TokenRequest): Promise<string> {
    const {
      audience = 'outrider',
      issuer = 'https://cluster.test',
      issuedAt,
      expiresAt,
      notBefore,
    } = request;
    const claims = request.claims ?? {
      namespace: pod.namespace,
      pod: { name: pod.name, uid: pod.uid },
      serviceaccount: { name: 'default', uid: 'sa-1' },
    };
    const jwt = new SignJWT({ 'kubernetes.io': claims })
      .setProtectedHeader({ alg: 'RS256', kid: this.#kid })
      .setIssuer(issuer)
      .setAudience([audience])
      .setIssuedAt(issuedAt / 1000)
      .setNotBefore((notBefore ?? issuedAt) / 1000)
      .setExpirationTime(expiresAt / 1000);
    return jwt.sign(this.#privateKey);
  }
}
