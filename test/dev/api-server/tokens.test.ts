/** Tokens of the laptop cluster's pods: verified as any service verifies projected ones, by discovery and keys. */
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { Client } from './support/client.ts';

const NOW = new Date('2026-05-01T12:00:00Z');
const REQUEST = {
  namespace: 'shop',
  serviceAccount: 'checkout',
  pod: { name: 'checkout-7f9c-x2x4q', uid: '6f1d2c3b-0000-4000-8000-000000000001' },
  audience: 'outrider',
  expiresInSeconds: 3600,
};
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/;

let server: ApiServer;
let client: Client;
beforeAll(async () => {
  server = await startApiServer({ crds: [], now: () => NOW });
  client = new Client(server);
});
afterAll(async () => {
  client.close();
  await server.close();
});

const verify = (token: string, audience = 'outrider', currentDate = NOW) => {
  const keys = createRemoteJWKSet(new URL(`${server.url}/openid/v1/jwks`));
  return jwtVerify(token, keys, { issuer: server.url, audience, currentDate, algorithms: ['RS256'] });
};

describe('tokens', () => {
  it('has the claims of a projected, pod-bound token', async () => {
    const { payload, protectedHeader } = await verify(server.mintToken(REQUEST));
    const { jti, 'kubernetes.io': bound, ...claims } = payload;
    const iat = NOW.getTime() / 1000;
    expect(claims).toEqual({
      iss: server.url,
      sub: 'system:serviceaccount:shop:checkout',
      aud: ['outrider'],
      iat,
      nbf: iat,
      exp: iat + 3600,
    });
    expect(bound).toEqual({
      namespace: 'shop',
      pod: REQUEST.pod,
      serviceaccount: { name: 'checkout', uid: expect.stringMatching(UUID) },
    });
    expect(jti).toMatch(/^[0-9a-f-]{36}$/);
    expect(Object.keys(protectedHeader)).toEqual(['alg', 'kid']);
  });

  it('is refused for another audience, before its time and after it', async () => {
    const token = server.mintToken({ ...REQUEST, expiresInSeconds: 60 });
    await expect(verify(token, 'vault')).rejects.toThrow(errors.JWTClaimValidationFailed);
    const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
    await expect(verify(token, 'outrider', at(-1))).rejects.toThrow(errors.JWTClaimValidationFailed);
    await expect(verify(token, 'outrider', at(60))).rejects.toThrow(errors.JWTExpired);
    await expect(verify(token, 'outrider', at(59))).resolves.toBeDefined();
  });

  it('is refused when a claim was changed, and by another server', async () => {
    const [head = '', body = '', signature = ''] = server.mintToken(REQUEST).split('.');
    const claims = Buffer.from(body, 'base64url').toString().replace('"shop"', '"bank"');
    const changed = [head, Buffer.from(claims).toString('base64url'), signature].join('.');
    await expect(verify(changed)).rejects.toThrow(errors.JWSSignatureVerificationFailed);
    const other = await startApiServer({ crds: [], now: () => NOW, tokens: { issuer: server.url } });
    await expect(verify(other.mintToken(REQUEST))).rejects.toThrow(errors.JWKSNoMatchingKey);
    await other.close();
  });

  it('names a service account by one uid, and others by others', async () => {
    const uid = async (change: object) => {
      const { payload } = await verify(server.mintToken({ ...REQUEST, ...change }));
      return (payload['kubernetes.io'] as { serviceaccount: { uid: string } }).serviceaccount.uid;
    };
    const [first, again, account, namespace] = await Promise.all([
      uid({}),
      uid({ pod: { name: 'other', uid: 'other' } }),
      uid({ serviceAccount: 'payment' }),
      uid({ namespace: 'bank' }),
    ]);
    expect(again).toBe(first);
    expect(new Set([first, account, namespace]).size).toBe(3);
  });
});

describe('discovery of keys', () => {
  it('leads from the issuer to the keys', async () => {
    const { body } = await client.get('/.well-known/openid-configuration');
    expect(body).toEqual({
      issuer: server.url,
      jwks_uri: `${server.url}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    });
    const answer = await client.get(new URL(body.jwks_uri).pathname);
    expect(answer.headers['content-type']).toBe('application/jwk-set+json');
    const [key] = answer.body.keys;
    expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
    expect(createLocalJWKSet(answer.body)).toBeTypeOf('function');
  });

  it('says what issuer it was told', async () => {
    const issuer = 'https://cluster.example';
    const named = await startApiServer({ crds: [], now: () => NOW, tokens: { issuer } });
    const other = new Client(named);
    const { body } = await other.get('/.well-known/openid-configuration');
    expect([body.issuer, body.jwks_uri]).toEqual([issuer, `${issuer}/openid/v1/jwks`]);
    const keys = createRemoteJWKSet(new URL(`${named.url}/openid/v1/jwks`));
    const check = { issuer, audience: 'outrider', currentDate: NOW };
    await expect(jwtVerify(named.mintToken(REQUEST), keys, check)).resolves.toBeDefined();
    other.close();
    await named.close();
  });
});
