/** Reads certificates and keys, and believes none that do not fit together. Everything here throws a sentence. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Credential, ServingCredential } from './keyring.ts';

export function readAuthority(cert: string, key: string): Credential {
  const certificate = parse(cert);
  if (!certificate.ca) throw new Error('the certificate of the authority may not sign');
  return credential(certificate, cert, key);
}

export function readServing(cert: string, key: string): ServingCredential {
  const certificate = parse(cert);
  return { ...credential(certificate, cert, key), names: namesOf(certificate) };
}

/** Whether the authority signed it. */
export function hasSigned(authority: Credential, { cert }: Credential): boolean {
  const [signer, signed] = [parse(authority.cert), parse(cert)];
  return signed.checkIssued(signer) && signed.verify(signer.publicKey);
}

/** Checks that a key belongs to the first certificate of a chain. */
export function checkPair(cert: string, key: string): void {
  credential(parse(cert), cert, key);
}

/** Checks that each certificate of a bundle can be read, and that there is one. */
export function checkBundle(bundle: string): void {
  for (const cert of bundle.match(/-----BEGIN CERTIFICATE-----[^-]*(-----END CERTIFICATE-----)?/g) ?? ['']) {
    parse(cert);
  }
}

/** When the first certificate of a chain ends, in milliseconds since the epoch. */
export function expiryOf(cert: string): number {
  return parse(cert).validToDate.getTime();
}

/** One PEM text per certificate, each with a newline at its end, so that texts can be joined. */
export function normalPem(text: string): string {
  return `${text.trim()}\n`;
}

function parse(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Error('a certificate is not PEM');
  }
}

function credential(certificate: X509Certificate, cert: string, key: string): Credential {
  let fits: boolean;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    // What OpenSSL says of a key it cannot read is nobody's business.
    throw new Error('a private key is not PEM');
  }
  if (!fits) throw new Error('a certificate and its key do not belong together');
  return {
    cert: normalPem(cert),
    key: normalPem(key),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
  };
}

/** `DNS:a.svc, IP Address:10.0.0.1` as Node renders it. */
function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName
    .split(', ')
    .filter((entry) => entry !== '')
    .map((entry) => entry.slice(entry.indexOf(':') + 1));
}
