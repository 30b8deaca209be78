/** Callers who bring their own key are told apart by its hash, so that one caller's bad key does not bench another's. */
import { createHash } from 'node:crypto';
import { callerCredential } from './auth/caller-credential.ts';

/** The same for a key in whichever header it comes, on every path; undefined: the caller brings none. */
export function callerKeyOf(rawHeaders: readonly string[]): string | undefined {
  const key = callerCredential(rawHeaders);
  return key === undefined ? undefined : createHash('sha256').update(key).digest('hex').slice(0, 16);
}
