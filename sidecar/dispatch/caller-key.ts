/** Callers who bring their own key are told apart by its hash, so that one caller's bad key does not bench another's. */
import { createHash } from 'node:crypto';

export function callerKeyOf(authorization: string): string {
  return createHash('sha256').update(authorization).digest('hex').slice(0, 16);
}
