import { generateKeyPairSync } from 'node:crypto';
import { jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type MintRequest, mint } from '../../../sidecar/tokens/mint.ts';
import { signatureFault } from '../../support/aws-signature.ts';
import { Clouds, stsAnswer } from './clouds.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const SESSION = JSON.stringify({
  accessKeyId: 'ASIASESSION',
  secretAccessKey: 'session/secret+key',
  sessionToken: 'session-token==',
});
const ROLE = 'arn:aws:iam::123456789012:role/llm';

let clouds: Clouds;
beforeAll(async () => {
  clouds = await Clouds.start();
});
afterAll(() => clouds.close());
beforeEach(() => {
  clouds.asked.length = 0;
});
const asked = () => {
  const [only, ...more] = clouds.asked;
  if (only === undefined || more.length > 0) throw new Error(`${clouds.asked.length} requests`);
  return only;
};

describe('keys of AWS', () => {
  const keys: MintRequest & { kind: 'AWSKeys' } = {
    kind: 'AWSKeys',
    region: 'eu-central-1',
    accessKeyId: 'AKIALONGLIVED',
    secretAccessKey: 'long/lived+secret',
    roleARN: undefined,
    externalId: undefined,
  };

  it.each([
    ['GetSessionToken', keys, {}],
    [
      'AssumeRole',
      { ...keys, roleARN: ROLE, externalId: 'shop' },
      { RoleArn: ROLE, ExternalId: 'shop', RoleSessionName: 'outrider' },
    ],
  ])('become a session by %s, signed with the keys', async (action, request, fields) => {
    clouds.answer = () => ({ body: stsAnswer(action, '2026-11-20T13:00:00Z') });
    expect(await mint(request, clouds.io({ now: NOW }))).toEqual({
      value: SESSION,
      expiresAt: NOW + 3_600_000,
    });
    const { host, method, path, headers, body, form } = asked();
    expect({ host, method, path }).toEqual({
      host: 'sts.eu-central-1.amazonaws.com',
      method: 'POST',
      path: '/',
    });
    expect(Object.fromEntries(form)).toEqual({
      Action: action,
      Version: '2011-06-15',
      DurationSeconds: '3600',
      ...fields,
    });
    expect(signatureFault({ method, path, headers, body }, keys.secretAccessKey)).toBeUndefined();
    expect(signatureFault({ method, path, headers, body: `${body}&` }, keys.secretAccessKey)).toBeDefined();
  });

  it('are asked for where China has its services', async () => {
    clouds.answer = () => ({ body: stsAnswer('GetSessionToken', '2026-11-20T13:00:00Z') });
    await mint({ ...keys, region: 'cn-north-1' }, clouds.io({ now: NOW }));
    expect(asked().host).toBe('sts.cn-north-1.amazonaws.com.cn');
  });
});

describe('a Kubernetes identity at AWS', () => {
  const identity: MintRequest & { kind: 'AWSWebIdentity' } = {
    kind: 'AWSWebIdentity',
    region: 'us-east-1',
    roleARN: ROLE,
  };

  it('is shown unsigned, as it stands in the file now', async () => {
    clouds.answer = () => ({ body: stsAnswer('AssumeRoleWithWebIdentity', '2026-11-20T12:30:00Z') });
    const io = clouds.io({
      now: NOW,
      env: { AWS_WEB_IDENTITY_TOKEN_FILE: '/var/token' },
      files: { '/var/token': 'projected.jwt\n' },
    });
    expect(await mint(identity, io)).toEqual({ value: SESSION, expiresAt: NOW + 1_800_000 });
    const { form, headers } = asked();
    expect(headers.authorization).toBeUndefined();
    expect(Object.fromEntries(form)).toMatchObject({
      Action: 'AssumeRoleWithWebIdentity',
      RoleArn: ROLE,
      WebIdentityToken: 'projected.jwt',
    });
  });

  it('takes role and agent from the environment of the pod where EKS Pod Identity gives them', async () => {
    clouds.answer = () => ({
      body: JSON.stringify({
        AccessKeyId: 'ASIASESSION',
        SecretAccessKey: 'session/secret+key',
        Token: 'session-token==',
        Expiration: '2026-11-20T18:00:00Z',
      }),
    });
    const io = clouds.io({
      now: NOW,
      env: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/var/agent',
      },
      files: { '/var/agent': 'agent-token' },
    });
    // Six hours are said, an hour at most is believed.
    expect(await mint({ ...identity, roleARN: undefined }, io)).toEqual({
      value: SESSION,
      expiresAt: NOW + 3_600_000,
    });
    expect(asked()).toMatchObject({ method: 'GET', path: '/v1/credentials' });
    expect(asked().headers.authorization).toBe('agent-token');
  });

  it('asks no other address, whatever the environment says', async () => {
    const io = clouds.io({
      now: NOW,
      env: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.169.254/latest',
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/var/agent',
      },
      files: { '/var/agent': 'agent-token' },
    });
    await expect(mint({ ...identity, roleARN: undefined }, io)).rejects.toThrow(
      '169.254.169.254 is not asked for tokens without TLS',
    );
    expect(clouds.asked).toEqual([]);
  });
});

describe('Google', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = JSON.stringify({
    type: 'service_account',
    client_email: 'llm@shop-prod.iam.gserviceaccount.com',
    private_key_id: 'k1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    token_uri: 'https://evil.example/token',
  });

  it('gives a token for a statement signed with the key of a service account', async () => {
    clouds.answer = () => ({ body: JSON.stringify({ access_token: 'ya29.token', expires_in: 3599 }) });
    expect(await mint({ kind: 'GoogleServiceAccount', key }, clouds.io({ now: NOW }))).toEqual({
      value: 'ya29.token',
      expiresAt: NOW + 3_599_000,
    });
    const { host, form } = asked();
    expect(host).toBe('oauth2.googleapis.com');
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const { payload, protectedHeader } = await jwtVerify(form.get('assertion') ?? '', publicKey, {
      currentDate: new Date(NOW),
    });
    expect(protectedHeader).toMatchObject({ alg: 'RS256', kid: 'k1' });
    expect(payload).toEqual({
      iss: 'llm@shop-prod.iam.gserviceaccount.com',
      aud: 'https://oauth2.googleapis.com/token',
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      iat: NOW / 1000,
      exp: NOW / 1000 + 3600,
    });
  });

  it('exchanges a Kubernetes identity, then acts as a service account', async () => {
    clouds.answer = ({ host }) =>
      host === 'sts.googleapis.com'
        ? { body: JSON.stringify({ access_token: 'federated', expires_in: 3600 }) }
        : { body: JSON.stringify({ accessToken: 'acting', expireTime: '2026-11-20T12:45:00Z' }) };
    const request: MintRequest = {
      kind: 'GoogleWorkloadIdentity',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/c',
      serviceAccount: 'llm@shop-prod.iam.gserviceaccount.com',
    };
    const io = clouds.io({
      now: NOW,
      files: { '/var/run/secrets/outrider.dev/google/token': 'projected.jwt' },
    });
    expect(await mint(request, io)).toEqual({ value: 'acting', expiresAt: NOW + 2_700_000 });
    const [exchange, act] = clouds.asked;
    expect(Object.fromEntries(exchange?.form ?? [])).toMatchObject({
      audience: request.audience,
      subject_token: 'projected.jwt',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    });
    expect(act).toMatchObject({
      host: 'iamcredentials.googleapis.com',
      path: '/v1/projects/-/serviceAccounts/llm%40shop-prod.iam.gserviceaccount.com:generateAccessToken',
    });
    expect(act?.headers.authorization).toBe('Bearer federated');
    expect(await mint({ ...request, serviceAccount: undefined }, io)).toEqual({
      value: 'federated',
      expiresAt: NOW + 3_600_000,
    });
  });

  it.each([
    ['not JSON', 'the key of the service account is not JSON'],
    ['{"type":"authorized_user"}', 'the key is not that of a service account'],
    [
      JSON.stringify({ ...JSON.parse(key), private_key: 'x' }),
      'private_key of the service account cannot be read',
    ],
  ])('is not asked with a key that is none: %s', async (text, message) => {
    await expect(mint({ kind: 'GoogleServiceAccount', key: text }, clouds.io({ now: NOW }))).rejects.toThrow(
      message,
    );
    expect(clouds.asked).toEqual([]);
  });
});

describe('Entra ID', () => {
  const tenantId = '2f4c1b9e-0d3a-4f6b-8a57-6a1d2c3e4f50';
  const clientId = '7a1d2c3e-4f50-4f6b-8a57-2f4c1b9e0d3a';
  beforeEach(() => {
    clouds.answer = () => ({ body: JSON.stringify({ access_token: 'eyJ.token', expires_in: 86_399 }) });
  });

  it('gives a token for a secret, of which an hour is believed', async () => {
    const request: MintRequest = { kind: 'AzureClient', tenantId, clientId, secret: 'client~secret' };
    expect(await mint(request, clouds.io({ now: NOW }))).toEqual({
      value: 'eyJ.token',
      expiresAt: NOW + 3_600_000,
    });
    expect(asked()).toMatchObject({
      host: 'login.microsoftonline.com',
      path: `/${tenantId}/oauth2/v2.0/token`,
    });
    expect(Object.fromEntries(asked().form)).toEqual({
      grant_type: 'client_credentials',
      scope: 'https://cognitiveservices.azure.com/.default',
      client_id: clientId,
      client_secret: 'client~secret',
    });
  });

  it('gives one for a Kubernetes identity, with what the environment of the pod says', async () => {
    const request: MintRequest = { kind: 'AzureWorkloadIdentity', tenantId: undefined, clientId: undefined };
    const env = {
      AZURE_TENANT_ID: tenantId,
      AZURE_CLIENT_ID: clientId,
      AZURE_FEDERATED_TOKEN_FILE: '/var/azure',
      AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.us/',
    };
    await mint(request, clouds.io({ now: NOW, env, files: { '/var/azure': 'projected.jwt' } }));
    expect(asked()).toMatchObject({
      host: 'login.microsoftonline.us',
      path: `/${tenantId}/oauth2/v2.0/token`,
    });
    expect(Object.fromEntries(asked().form)).toMatchObject({
      client_id: clientId,
      client_assertion: 'projected.jwt',
    });
    const elsewhere = { ...env, AZURE_AUTHORITY_HOST: 'https://login.example' };
    await expect(
      mint(request, clouds.io({ now: NOW, env: elsewhere, files: { '/var/azure': 'projected.jwt' } })),
    ).rejects.toThrow('login.example is not among the hosts that may be asked for tokens');
  });

  it('is not asked without a token to show, and the message names the variable', async () => {
    const request: MintRequest = { kind: 'AzureWorkloadIdentity', tenantId, clientId };
    await expect(mint(request, clouds.io({ now: NOW }))).rejects.toThrow(
      'AZURE_FEDERATED_TOKEN_FILE is not set',
    );
    const env = { AZURE_FEDERATED_TOKEN_FILE: '/gone' };
    await expect(mint(request, clouds.io({ now: NOW, env }))).rejects.toThrow('/gone');
  });
});

describe('a refusal', () => {
  const aws: MintRequest = {
    kind: 'AWSKeys',
    region: 'eu-central-1',
    accessKeyId: 'AKIALONGLIVED',
    secretAccessKey: 'long/lived+secret',
    roleARN: undefined,
    externalId: undefined,
  };
  const azure: MintRequest = { kind: 'AzureClient', tenantId: 't', clientId: 'c', secret: 'client~secret' };

  it.each<[MintRequest, number, string, string]>([
    [
      aws,
      403,
      '<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>',
      '(InvalidClientTokenId)',
    ],
    [
      azure,
      401,
      '{"error":"invalid_client","error_description":"secret client~secret is wrong"}',
      '(invalid_client)',
    ],
    [azure, 502, '<html>client~secret</html>', 'status 502'],
    [azure, 200, '{"token_type":"Bearer"}', 'answered without a token'],
    [aws, 200, '<GetSessionTokenResponse/>', 'answered without a session'],
  ])('is told by its word and never by its text', async (request, status, body, message) => {
    clouds.answer = () => ({ status, body });
    const error: Error = await mint(request, clouds.io({ now: NOW })).then(
      () => new Error('minted'),
      (thrown: Error) => thrown,
    );
    expect(error.name).toBe('MintError');
    expect(error.message).toContain(message);
    expect(error.message).not.toMatch(/secret/);
  });

  it('of more bytes than a token has ends the reading', async () => {
    clouds.answer = () => ({ body: 'x'.repeat(1_000_000) });
    await expect(mint(azure, clouds.io({ now: NOW }))).rejects.toThrow('said more than it should');
  });
});
