/**
 * Sessions of AWS from its Security Token Service. Sessions rather than bearer keys of Bedrock: they sign each request by itself,
 * so that nothing that is sent can be used for anything else; they reach every endpoint of the service, private ones included;
 * and they need no permission beyond calling the models.
 */
import type { Minted, MintRequest } from './mint.ts';
import { sign } from './sigv4.ts';
import {
  endOf,
  FORM_HEADERS,
  form,
  MintError,
  readAnswer,
  readToken,
  type TokenAnswer,
  type TokenIO,
  text,
} from './token-io.ts';

const VERSION = '2011-06-15';
const SESSION_NAME = 'outrider';
const SECONDS = 3600;
/** Asked for nothing else, the service answers in XML. */
const HEADERS = { 'content-type': FORM_HEADERS['content-type'] };

export async function awsFromKeys(request: MintRequest & { kind: 'AWSKeys' }, io: TokenIO): Promise<Minted> {
  const { accessKeyId, secretAccessKey, region, roleARN, externalId } = request;
  const action = roleARN === undefined ? 'GetSessionToken' : 'AssumeRole';
  const host = stsHost(region);
  const body = form({
    Action: action,
    Version: VERSION,
    DurationSeconds: String(SECONDS),
    ...(roleARN !== undefined && {
      RoleArn: roleARN,
      RoleSessionName: SESSION_NAME,
      ExternalId: externalId,
    }),
  });
  const signature = await sign({
    method: 'POST',
    host,
    path: '/',
    headers: HEADERS,
    body,
    service: 'sts',
    region,
    session: { accessKeyId, secretAccessKey },
    now: io.now(),
  });
  const signed: Record<string, string> = { ...HEADERS };
  for (let i = 0; i + 1 < signature.length; i += 2) {
    signed[signature[i] as string] = signature[i + 1] as string;
  }
  const answer = await io.call({ method: 'POST', url: `https://${host}/`, headers: signed, body });
  return sessionOf(`${action} of ${host}`, answer, io);
}

export async function awsFromWebIdentity(
  request: MintRequest & { kind: 'AWSWebIdentity' },
  io: TokenIO,
): Promise<Minted> {
  const roleARN = request.roleARN ?? io.env('AWS_ROLE_ARN');
  if (roleARN === undefined) throw new MintError('no role is named, neither by roleARN nor by AWS_ROLE_ARN');
  const token = await readToken(io, 'AWS_WEB_IDENTITY_TOKEN_FILE');
  const host = stsHost(request.region);
  const body = form({
    Action: 'AssumeRoleWithWebIdentity',
    Version: VERSION,
    DurationSeconds: String(SECONDS),
    RoleArn: roleARN,
    RoleSessionName: SESSION_NAME,
    WebIdentityToken: token,
  });
  const answer = await io.call({ method: 'POST', url: `https://${host}/`, headers: HEADERS, body });
  return sessionOf(`AssumeRoleWithWebIdentity of ${host}`, answer, io);
}

/** EKS Pod Identity: the node's agent gives sessions for the token that was projected into the pod. */
export async function awsFromContainer(io: TokenIO): Promise<Minted> {
  const url = io.env('AWS_CONTAINER_CREDENTIALS_FULL_URI') ?? '';
  const token = await readToken(io, 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE');
  const answer = await io.call({ method: 'GET', url, headers: { authorization: token } });
  const value = readAnswer('the agent of EKS Pod Identity', answer);
  return sessionFrom(
    'the agent of EKS Pod Identity',
    text(value.AccessKeyId),
    text(value.SecretAccessKey),
    text(value.Token),
    endOf(value.Expiration, SECONDS, io.now()),
  );
}

/** The service of a region; China has a suffix of its own. */
function stsHost(region: string): string {
  return `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** The service answers in XML, with each value in an element of its own name. */
function sessionOf(what: string, { status, body }: TokenAnswer, io: TokenIO): Minted {
  const element = (name: string) =>
    new RegExp(`<${name}>\\s*([^<]{1,8192}?)\\s*</${name}>`).exec(body)?.[1]?.replaceAll('&amp;', '&');
  if (status < 200 || status > 299) {
    const code = element('Code');
    const word = code !== undefined && /^[A-Za-z.]{1,64}$/.test(code) ? ` (${code})` : '';
    throw new MintError(`${what} answered with status ${status}${word}`);
  }
  return sessionFrom(
    what,
    element('AccessKeyId'),
    element('SecretAccessKey'),
    element('SessionToken'),
    endOf(element('Expiration'), SECONDS, io.now()),
  );
}

function sessionFrom(
  what: string,
  accessKeyId: string | undefined,
  secretAccessKey: string | undefined,
  sessionToken: string | undefined,
  expiresAt: number,
): Minted {
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined)
    throw new MintError(`${what} answered without a session`);
  const value = JSON.stringify({ accessKeyId, secretAccessKey, sessionToken });
  return { value, expiresAt };
}
