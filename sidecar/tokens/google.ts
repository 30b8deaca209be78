/** Access tokens of Google Cloud: for a key of a service account, or for a Kubernetes identity that a pool federates. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Minted, MintRequest } from './mint.ts';
import {
  endOf,
  expiry,
  FORM_HEADERS,
  form,
  MintError,
  minted,
  readAnswer,
  readToken,
  type TokenIO,
  text,
} from './token-io.ts';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const STS_URL = 'https://sts.googleapis.com/v1/token';
/** Where the projected token lies unless the environment says otherwise. */
const TOKEN_FILE = '/var/run/secrets/outrider.dev/google/token';

/** The signed statement that is exchanged for a token is good for an hour, which is how long the token is. */
export async function googleFromServiceAccount(key: string, io: TokenIO): Promise<Minted> {
  const { email, keyId, privateKey } = readKey(key);
  const { SignJWT } = await import('jose');
  const now = Math.floor(io.now() / 1000);
  const assertion = await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(keyId !== undefined && { kid: keyId }) })
    .setIssuer(email)
    .setAudience(TOKEN_URL)
    .setIssuedAt(now)
    .setExpirationTime(now + 3600)
    .sign(privateKey);
  const answer = await io.call({
    method: 'POST',
    url: TOKEN_URL,
    headers: FORM_HEADERS,
    body: form({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }),
  });
  const value = readAnswer('oauth2.googleapis.com', answer);
  return minted('oauth2.googleapis.com', text(value.access_token), expiry(value.expires_in, io.now()));
}

export async function googleFromWorkload(
  { audience, serviceAccount }: MintRequest & { kind: 'GoogleWorkloadIdentity' },
  io: TokenIO,
): Promise<Minted> {
  const subject = await readToken(io, 'OUTRIDER_GOOGLE_TOKEN_FILE', TOKEN_FILE);
  const answer = await io.call({
    method: 'POST',
    url: STS_URL,
    headers: FORM_HEADERS,
    body: form({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience,
      scope: SCOPE,
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      subject_token: subject,
    }),
  });
  const value = readAnswer('sts.googleapis.com', answer);
  const federated = minted(
    'sts.googleapis.com',
    text(value.access_token),
    expiry(value.expires_in, io.now()) ?? expiry(3600, io.now()),
  );
  return serviceAccount === undefined ? federated : actAs(serviceAccount, federated.value, io);
}

async function actAs(serviceAccount: string, token: string, io: TokenIO): Promise<Minted> {
  const host = 'iamcredentials.googleapis.com';
  const answer = await io.call({
    method: 'POST',
    url: `https://${host}/v1/projects/-/serviceAccounts/${encodeURIComponent(serviceAccount)}:generateAccessToken`,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json',
    },
    body: JSON.stringify({ scope: [SCOPE], lifetime: '3600s' }),
  });
  const value = readAnswer(host, answer);
  return minted(host, text(value.accessToken), endOf(value.expireTime, 3600, io.now()));
}

interface ServiceAccountKey {
  email: string;
  keyId: string | undefined;
  privateKey: KeyObject;
}

/** The addresses a key file names are not followed: a Secret must not choose whom the operator dials. */
function readKey(json: string): ServiceAccountKey {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(json) as Record<string, unknown>;
  } catch {
    throw new MintError('the key of the service account is not JSON');
  }
  const email = text(value.client_email);
  const pem = text(value.private_key);
  if (value.type !== 'service_account' || email === undefined || pem === undefined)
    throw new MintError(
      'the key is not that of a service account: type, client_email or private_key is missing',
    );
  try {
    return { email, keyId: text(value.private_key_id), privateKey: createPrivateKey(pem) };
  } catch {
    throw new MintError('private_key of the service account cannot be read');
  }
}
