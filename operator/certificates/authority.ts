/**
 * A certificate authority of our own: what the operator's endpoints prove themselves with, where nobody brings certificates.
 * ECDSA over P-256; keys never leave as anything but PKCS#8 PEM.
 */
import 'reflect-metadata';
import { randomBytes, type webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks of a cluster differ; a certificate is valid a little before it is made. */
const SKEW_MS = 5 * 60_000;

export interface KeyAndCertificate {
  /** PEM, PKCS#8. */
  key: string;
  /** PEM. */
  cert: string;
}

export interface Validity {
  /** Milliseconds since the epoch. */
  now: number;
  lifetimeMs: number;
}

/** A self-signed authority that may sign serving certificates and nothing else. */
export async function createAuthority(commonName: string, validity: Validity): Promise<KeyAndCertificate> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${commonName}`,
    ...period(validity),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await privatePem(keys.privateKey), cert: certificate.toString('pem') };
}

/** A serving certificate for DNS names and IP addresses. It never outlives its authority. */
export async function issueServing(
  authority: KeyAndCertificate,
  names: readonly [string, ...string[]],
  validity: Validity,
): Promise<KeyAndCertificate> {
  const root = new x509.X509Certificate(authority.cert);
  const signingKey = await crypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decode(authority.key)[0] as ArrayBuffer,
    ALGORITHM,
    false,
    ['sign'],
  );
  const own = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const { notBefore, notAfter } = period(validity);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${names[0].slice(0, 64)}`,
    issuer: root.subject,
    notBefore,
    notAfter: notAfter < root.notAfter ? notAfter : root.notAfter,
    signingAlgorithm: ALGORITHM,
    publicKey: own.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      // Two authorities may have one name, as around a rotation; the key identifier tells them apart.
      await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns', value })),
      ),
    ],
  });
  return { key: await privatePem(own.privateKey), cert: certificate.toString('pem') };
}

function period({ now, lifetimeMs }: Validity): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - SKEW_MS), notAfter: new Date(now + lifetimeMs) };
}

/** 16 random bytes, positive (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
