/**
 * What the operator proves itself with, and what others must trust to believe it. Every TLS server of the operator follows
 * `serving`; whoever hands trust to sidecars and to the API server follows `trustBundle`.
 */
import { createHash } from 'node:crypto';
import type { Certificate } from '../sync/server.ts';
import { type Latest, LatestValue } from './latest.ts';

export interface Certificates {
  /** What TLS servers present now. */
  readonly serving: Latest<Certificate>;
  /**
   * PEM of every authority that may sign now. It must be published byte for byte: sidecars acknowledge the hash of their
   * file. Without a value nothing is known of the authority, and nothing may be published.
   */
  readonly trustBundle: Latest<string>;
}

/** How a sidecar names the bundle it trusts: SHA-256 of its file, in hex. */
export function bundleHash(bundle: string): string {
  return createHash('sha256').update(bundle).digest('hex');
}

export function sameCertificate(a: Certificate, b: Certificate): boolean {
  return String(a.cert) === String(b.cert) && String(a.key) === String(b.key);
}

/** One certificate for the whole life of the process, from an authority that may be unknown. */
export function givenCertificate(serving: Certificate, trustBundle?: string): Certificates {
  const given = {
    serving: new LatestValue<Certificate>(sameCertificate),
    trustBundle: new LatestValue<string>(),
  };
  given.serving.set(serving);
  if (trustBundle !== undefined) given.trustBundle.set(trustBundle);
  return given;
}
