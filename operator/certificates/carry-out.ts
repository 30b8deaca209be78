/** Does what `rotation.ts` finds due: makes keys and certificates, and returns the keyring with them. Nothing is stored here. */
import type { Credential, Keyring, ServingCredential } from './keyring.ts';
import { readAuthority, readServing } from './read-credential.ts';
import type { Lifetimes, Step } from './rotation.ts';

export interface IssuingOptions {
  /** Milliseconds since the epoch. */
  now: number;
  names: readonly [string, ...string[]];
  lifetimes: Lifetimes;
}

/** Clocks of a cluster differ. */
const SKEW_MS = 5 * 60_000;

export async function carryOut(
  step: Exclude<Step, { kind: 'None' }>,
  keyring: Keyring | undefined,
  options: IssuingOptions,
): Promise<Keyring> {
  if (step.kind === 'Create' || !keyring) {
    const signer = await newAuthority(options);
    return { state: 'Stable', signer, serving: await newServing(signer, options) };
  }
  const { signer, serving } = keyring;
  switch (step.kind) {
    case 'IssueServing':
      return { ...keyring, serving: await newServing(signer, options) };
    case 'Introduce':
      return { state: 'Introducing', signer, next: await newAuthority(options), since: options.now, serving };
    case 'Promote': {
      if (keyring.state !== 'Introducing') return keyring;
      // A replica that hears of nothing any more serves with what the old authority signed until that ends.
      const until = serving.notAfter + SKEW_MS;
      const { next } = keyring;
      return {
        state: 'Retiring',
        signer: next,
        previous: signer.cert,
        until,
        serving: await newServing(next, options),
      };
    }
    case 'Retire':
      return { state: 'Stable', signer, serving };
  }
}

// The library is large, and most replicas never issue anything.
const issuing = () => import('./authority.ts');

async function newAuthority({ now, lifetimes }: IssuingOptions): Promise<Credential> {
  const { createAuthority } = await issuing();
  const name = `outrider ${new Date(now).toISOString().slice(0, 10)}`;
  const { cert, key } = await createAuthority(name, { now, lifetimeMs: lifetimes.authorityMs });
  return readAuthority(cert, key);
}

async function newServing(
  signer: Credential,
  { now, names, lifetimes }: IssuingOptions,
): Promise<ServingCredential> {
  const { issueServing } = await issuing();
  const { cert, key } = await issueServing(signer, names, { now, lifetimeMs: lifetimes.servingMs });
  return readServing(cert, key);
}
