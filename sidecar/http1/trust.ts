/** Whom connections trust. */
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';

/** Trusts `caBundle` (PEM) besides the usual authorities. */
export function trustingAlso(caBundle: string): SecureContext {
  return createSecureContext({ ca: [...rootCertificates, caBundle] });
}
