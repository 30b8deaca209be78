/**
 * Ids of calls that came without one. They are unique within a conversation, the same each time the same answer is read, and
 * tell by themselves that the vendor does not know them, so nothing has to be remembered to leave them out again.
 */
import { createHash } from 'node:crypto';

const OURS = 'gcall_';
/** Backends that imitate OpenAI take 40 characters. */
const SEED_LENGTH = 24;

/** `seed`: id of the response, or where there is none whatever tells one answer from another. */
export function geminiCallId(seed: string, index: number): string {
  const plain = /^[A-Za-z0-9_-]{8,24}$/.test(seed)
    ? seed
    : createHash('sha256').update(seed).digest('base64url').slice(0, SEED_LENGTH);
  return `${OURS}${plain}_${index}`;
}

/** The vendor's own id; undefined where it gave none. */
export const vendorCallId = (id: string): string | undefined =>
  id === '' || (id.startsWith(OURS) && id.length <= OURS.length + SEED_LENGTH + 8) ? undefined : id;
