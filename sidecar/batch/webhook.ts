/**
 * Tells a host that an answer is there. The URL comes from the app, so it must not reach into the cluster: hosts that the route
 * lists, https, and public addresses only, judged after the name is resolved and used as judged. Signed as Standard Webhooks
 * has it.
 */
import { createHmac } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import https from 'node:https';
import { isIP } from 'node:net';
import { addressOf } from '../dispatch/address.ts';
import { isPublicAddress } from '../dispatch/media.ts';

export interface Delivery {
  /** Of the message: the same in every try. */
  id: string;
  url: string;
  hosts: readonly string[];
  /** Id of the credential that signs. */
  secret: string;
  /** Seconds since 1970. */
  at: number;
  body: Buffer;
}

/** Undefined: it was taken. Else why not, in words without secrets. Never rejects. */
export type Deliver = (delivery: Delivery, signal: AbortSignal) => Promise<string | undefined>;

export interface DeliveryParts {
  /** Undefined: it has not arrived. */
  secret: (id: string) => string | undefined;
  resolve?: (host: string) => Promise<readonly { address: string; family: number }[]>;
  isAllowed?: (address: string) => boolean;
  /** Certificates of who is called, for tests. Unset: the system's. */
  ca?: string;
}

const TIME_LIMIT_MS = 10_000;

export function delivererOf(parts: DeliveryParts): Deliver {
  const { resolve = (host) => lookup(host, { all: true }), isAllowed = isPublicAddress } = parts;
  return async (delivery, signal) => {
    const secret = parts.secret(delivery.secret);
    if (secret === undefined) return 'the secret that signs it has not arrived';
    const problem = hostProblem(delivery.url, delivery.hosts);
    if (problem !== undefined) return problem;
    const url = new URL(delivery.url);
    const { host } = addressOf(url);
    const family = isIP(host);
    let found: readonly { address: string; family: number }[];
    try {
      found = family === 0 ? await resolve(host) : [{ address: host, family }];
    } catch {
      return 'its name cannot be resolved';
    }
    const [first] = found;
    if (first === undefined || !found.every(({ address }) => isAllowed(address))) {
      return 'it is not a public address';
    }
    return await post(url, first, delivery, secret, signal, parts.ca);
  };
}

/** Undefined: it may be called. */
export function hostProblem(link: string, hosts: readonly string[]): string | undefined {
  if (link.length > 2048 || !URL.canParse(link)) return 'it is no URL';
  const url = new URL(link);
  if (url.protocol !== 'https:') return 'it is no https URL';
  if (url.username !== '' || url.password !== '') return 'it carries credentials';
  const host = url.hostname.toLowerCase();
  const allowed = hosts.some((one) => (one.startsWith('*.') ? host.endsWith(one.slice(1)) : host === one));
  return allowed ? undefined : `host ${host.slice(0, 253)} is not listed in async.webhook.hosts`;
}

/** Of Standard Webhooks: base64 of HMAC-SHA256 over id, time and body. A secret that begins with `whsec_` is base64. */
export function signature(secret: string, id: string, at: number, body: Buffer): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
  const digest = createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest('base64');
  return `v1,${digest}`;
}

function post(
  url: URL,
  { address, family }: { address: string; family: number },
  { id, at, body }: Delivery,
  secret: string,
  signal: AbortSignal,
  ca: string | undefined,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = https.request(
      url,
      {
        method: 'POST',
        agent: false,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT_MS)]),
        headers: {
          'content-type': 'application/json',
          'content-length': body.length,
          'webhook-id': id,
          'webhook-timestamp': String(at),
          'webhook-signature': signature(secret, id, at, body),
        },
        lookup: (_host, options, done) => {
          if (options.all) done(null, [{ address, family }]);
          else done(null, address, family);
        },
        ...(ca !== undefined && { ca }),
      },
      (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        resolve(status >= 200 && status <= 299 ? undefined : `it answered with status ${status}`);
        response.destroy();
      },
    );
    request.on('error', (error: Error & { code?: string }) =>
      resolve(
        error.name === 'AbortError' ? 'it took too long' : `it cannot be reached (${error.code ?? 'Error'})`,
      ),
    );
    request.end(body);
  });
}
