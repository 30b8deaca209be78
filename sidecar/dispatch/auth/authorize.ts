/**
 * Who a request is sent as. A key or token is a header that is there at once; a request that is signed needs its bytes first,
 * and the signer's code the first time.
 */
import { OutriderError } from '../../../errors/table.ts';
import type { AuthScheme, ProviderType, Spoken } from '../../providers/provider-type.ts';
import { BEARER } from '../../providers/wire.ts';
import type { Candidate } from '../../routing/plan.ts';
import type { CredentialBody } from '../../snapshot/schema.ts';
import { type AWSSession, readSession, sign } from '../../tokens/sigv4.ts';
import type { KeyRing } from '../keys.ts';
import { callerCredential } from './caller-credential.ts';
import type { WorkloadTokens } from './workload-tokens.ts';

/** How a request proves who sends it. */
export interface Authorization {
  /** Names and values in turn; empty on open servers. */
  readonly headers: readonly string[];
  /** What was sent, to tell a key that has been replaced since; undefined where it is the caller's, or none. */
  readonly secret: string | undefined;
  /** Signs the request when it is complete. */
  readonly session: AWSSession | undefined;
}

export interface Holders {
  readonly keys: KeyRing;
  readonly workloads: WorkloadTokens;
}

const NOBODY: Authorization = { headers: [], secret: undefined, session: undefined };

/** Whether a credential has a value of its own that must have arrived. */
export function hasValue({ type }: CredentialBody): boolean {
  return type === 'APIKey' || type === 'Token' || type === 'AWSSession';
}

/**
 * @param spoken the dialect it is sent in; undefined on unread paths
 * @param other  the value to use instead of the current one
 * Throws `credential_unavailable` where the value has not arrived.
 */
export function authorize(
  rawHeaders: readonly string[],
  { credential }: Candidate,
  { auth }: ProviderType,
  spoken: Spoken | undefined,
  { keys, workloads }: Holders,
  other?: string,
): Authorization {
  if (credential === undefined) return NOBODY;
  const scheme = spoken?.auth ?? auth;
  const { id, type } = credential;
  if (type === 'Passthrough') {
    const own = callerCredential(rawHeaders);
    return own === undefined ? NOBODY : { ...NOBODY, headers: [scheme.header, scheme.prefix + own] };
  }
  const secret = other ?? (type === 'Workload' ? workloads.value(credential) : keys.value(id));
  if (secret === undefined) throw new OutriderError('credential_unavailable', { credential: id });
  if (type === 'AWSSession' || credential.workload?.cloud === 'AWS') {
    const session = readSession(secret);
    if (session === undefined) throw new OutriderError('credential_unavailable', { credential: id });
    return { headers: [], secret, session };
  }
  const { header, prefix }: AuthScheme = type === 'APIKey' ? scheme : BEARER;
  return { headers: [header, keys.header(id, secret, prefix)], secret, session: undefined };
}

export interface Signable {
  readonly method: string;
  readonly path: string;
  /** Gains the signature. */
  readonly headers: string[];
  readonly body: readonly Buffer[] | undefined;
}

/** `host` as in the Host header; `wall` in milliseconds since 1970, since a signature holds for minutes. */
export async function signRequest(
  request: Signable,
  session: AWSSession,
  { service, region, host, wall }: { service: string; region: string; host: string; wall: number },
): Promise<void> {
  const { method, path, headers, body } = request;
  const signature = await sign({
    method,
    host,
    path,
    headers: {},
    body: body ?? [],
    service,
    region,
    session,
    now: wall,
  });
  headers.push(...signature);
}
