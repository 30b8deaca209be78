/** Pod-bound ServiceAccount tokens in the shape of a cluster's projected ones, signed with a key made for this server. */
import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { Fields } from './object.ts';

export interface TokenRequest {
  namespace: string;
  serviceAccount: string;
  pod: { name: string; uid: string };
  audience: string;
  expiresInSeconds: number;
}

interface SigningKey {
  privateKey: KeyObject;
  publicKey: KeyObject;
  kid: string;
}

export class TokenIssuer {
  readonly #issuer: () => string;
  readonly #now: () => Date;
  #key: SigningKey | undefined;

  constructor(issuer: () => string, now: () => Date) {
    this.#issuer = issuer;
    this.#now = now;
  }

  mint({ namespace, serviceAccount: name, pod, audience, expiresInSeconds }: TokenRequest): string {
    const iat = Math.floor(this.#now().getTime() / 1000);
    const serviceaccount = { name, uid: uidOf(`${namespace}/${name}`) };
    const bound = { namespace, pod: { name: pod.name, uid: pod.uid }, serviceaccount };
    const times = { iat, nbf: iat, exp: iat + expiresInSeconds };
    const who = { iss: this.#issuer(), sub: `system:serviceaccount:${namespace}:${name}`, aud: [audience] };
    const claims = { ...who, ...times, jti: randomUUID(), 'kubernetes.io': bound };
    const { privateKey, kid } = this.#signingKey();
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'RS256', kid })}.${part(claims)}`;
    return `${text}.${sign('RSA-SHA256', Buffer.from(text), privateKey).toString('base64url')}`;
  }

  /** /openid/v1/jwks */
  jwks(): Fields {
    const { publicKey, kid } = this.#signingKey();
    return { keys: [{ use: 'sig', ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256' }] };
  }

  /** /.well-known/openid-configuration */
  configuration(): Fields {
    const issuer = this.#issuer();
    return {
      issuer,
      jwks_uri: `${issuer}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    };
  }

  /** Made on first use: most servers of tests never sign. */
  #signingKey(): SigningKey {
    if (!this.#key) {
      const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const der = pair.publicKey.export({ format: 'der', type: 'spki' });
      this.#key = { ...pair, kid: createHash('sha256').update(der).digest('base64url') };
    }
    return this.#key;
  }
}

/** ServiceAccounts are not stored here: one has the same uid as long as it is named the same. */
const uidOf = (account: string): string =>
  createHash('sha256')
    .update(account)
    .digest('hex')
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
