/** Pod-bound ServiceAccount tokens in the shape of a cluster's projected ones, signed with a key made for this server. */
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import type { Fields } from './object.ts';

export interface TokenRequest {
  namespace: string;
  serviceAccount: string;
  pod: { name: string; uid: string };
  audience: string;
  expiresInSeconds: number;
}

export interface TokenIssuer {
  mint(request: TokenRequest): string;
  /** /openid/v1/jwks */
  jwks(): Fields;
  /** /.well-known/openid-configuration */
  configuration(): Fields;
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data);
/** ServiceAccounts are not stored here: one has the same uid as long as it is named the same. */
function uidOf(account: string): string {
  const shape = /^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/;
  return sha256(account).digest('hex').replace(shape, '$1-$2-4$3-8$4-$5');
}

function makeKey() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = sha256(publicKey.export({ format: 'der', type: 'spki' })).digest('base64url');
  return { privateKey, publicKey, kid };
}

export function tokenIssuer(issuer: () => string, now: () => Date): TokenIssuer {
  // Made on first use: most servers of tests never sign.
  let made: ReturnType<typeof makeKey> | undefined;
  const key = () => (made ??= makeKey());
  return {
    mint({ namespace, serviceAccount: name, pod, audience, expiresInSeconds }) {
      const { privateKey, kid } = key();
      const iat = Math.floor(now().getTime() / 1000);
      const serviceaccount = { name, uid: uidOf(`${namespace}/${name}`) };
      const bound = { namespace, pod: { name: pod.name, uid: pod.uid }, serviceaccount };
      const times = { iat, nbf: iat, exp: iat + expiresInSeconds };
      const who = { iss: issuer(), sub: `system:serviceaccount:${namespace}:${name}`, aud: [audience] };
      const claims = { ...who, ...times, jti: randomUUID(), 'kubernetes.io': bound };
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const text = `${part({ alg: 'RS256', kid })}.${part(claims)}`;
      return `${text}.${sign('RSA-SHA256', Buffer.from(text), privateKey).toString('base64url')}`;
    },
    jwks() {
      const { publicKey, kid } = key();
      return { keys: [{ use: 'sig', ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256' }] };
    },
    configuration: () => ({
      issuer: issuer(),
      jwks_uri: `${issuer()}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    }),
  };
}
