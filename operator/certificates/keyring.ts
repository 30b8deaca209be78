/**
 * PURE: the certificates and keys of the operator, and where they stand in their rotation.
 *
 * A new authority is trusted before it signs, and an old one is trusted until nothing is in use that it signed. In all three
 * states `signer` has signed `serving`, and `trustBundle` is what others must trust.
 */

export interface Credential {
  /** PEM with a newline at its end. */
  readonly cert: string;
  /** PEM, PKCS#8. */
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface ServingCredential extends Credential {
  /** DNS names and IP addresses it is valid for. */
  readonly names: readonly string[];
}

export type Keyring =
  | { readonly state: 'Stable'; readonly signer: Credential; readonly serving: ServingCredential }
  /** A new authority is in the bundle and signs nothing yet. */
  | {
      readonly state: 'Introducing';
      readonly signer: Credential;
      readonly next: Credential;
      /** Milliseconds since the epoch. */
      readonly since: number;
      readonly serving: ServingCredential;
    }
  /** The new authority signs; the one before is trusted as long as a certificate of its may be in use. Its key is gone. */
  | {
      readonly state: 'Retiring';
      readonly signer: Credential;
      /** PEM. */
      readonly previous: string;
      /** Milliseconds since the epoch. */
      readonly until: number;
      readonly serving: ServingCredential;
    };

/** PEM of every authority to trust, the older first: so it is the same text before and after the new one begins to sign. */
export function trustBundle(keyring: Keyring): string {
  switch (keyring.state) {
    case 'Stable':
      return keyring.signer.cert;
    case 'Introducing':
      return keyring.signer.cert + keyring.next.cert;
    case 'Retiring':
      return keyring.previous + keyring.signer.cert;
  }
}
