/** AWS Signature Version 4, by the vendor's own library, which is loaded when the first request needs it. */
import { createHash, createHmac } from 'node:crypto';
import type { SignatureV4 } from '@smithy/signature-v4';

/** Short-lived keys; as JSON, the value of a credential of type AWSSession. */
export interface AWSSession {
  accessKeyId: string;
  secretAccessKey: string;
  /** Undefined with long-lived keys. */
  sessionToken?: string;
}

export interface ToSign {
  method: string;
  /** Host and port as in the Host header. */
  host: string;
  /** As sent: percent-encoded, with the query. */
  path: string;
  /** Lower-case names; those that are signed besides host, time and token. */
  headers: Record<string, string>;
  body: string | readonly Buffer[];
  service: string;
  region: string;
  session: AWSSession;
  /** Milliseconds since 1970. */
  now: number;
}

let library: Promise<typeof import('@smithy/signature-v4')> | undefined;
/** A signer for each pair of service and region: it caches the keys it derives. */
const signers = new Map<string, SignatureV4>();
const MAX_SIGNERS = 64;

/** Headers to add, names and values in turn. */
export async function sign(request: ToSign): Promise<string[]> {
  library ??= import('@smithy/signature-v4');
  const code = await library;
  const [path = '', query = ''] = request.path.split('?', 2);
  const signed = await signer(code, request).sign(
    {
      method: request.method,
      protocol: 'https:',
      hostname: request.host,
      path,
      query: queryOf(query),
      headers: {
        ...request.headers,
        host: request.host,
        'x-amz-content-sha256': hashOf(request.body),
      },
    } as Parameters<SignatureV4['sign']>[0],
    { signingDate: new Date(request.now) },
  );
  const added: string[] = [];
  for (const name of ['x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256', 'authorization']) {
    const value = signed.headers[name];
    if (value !== undefined) added.push(name, value);
  }
  return added;
}

function signer(
  code: typeof import('@smithy/signature-v4'),
  { service, region, session }: ToSign,
): SignatureV4 {
  const key = `${service} ${region} ${session.accessKeyId} ${session.secretAccessKey}`;
  let found = signers.get(key);
  if (found === undefined) {
    if (signers.size >= MAX_SIGNERS) signers.clear();
    found = new code.SignatureV4({
      service,
      region,
      credentials: session,
      sha256: Sha256 as never,
    });
    signers.set(key, found);
  }
  return found;
}

function queryOf(query: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(query));
}

function hashOf(body: string | readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const chunk of typeof body === 'string' ? [body] : body) hash.update(chunk);
  return hash.digest('hex');
}

/** The library leaves hashing to its caller. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | Uint8Array) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }
  update(chunk: string | Uint8Array): void {
    this.#hash.update(chunk);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
}

/** The value of a credential of type AWSSession; undefined where it is none. */
export function readSession(value: string): AWSSession | undefined {
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = JSON.parse(value) as Record<string, unknown>;
    if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string') return undefined;
    return {
      accessKeyId,
      secretAccessKey,
      ...(typeof sessionToken === 'string' && { sessionToken }),
    };
  } catch {
    return undefined;
  }
}
