/**
 * Ids of tool calls for callers that take letters, digits, `_` and `-` only, so that the vendor's own id can be told from what
 * comes back in the next turn: nothing is remembered between requests.
 */

const PLAIN = /^[a-zA-Z0-9_-]{1,256}$/;
const MARK = 'toolu_enc_';

/** An id that is plain already stays as it is. */
export function portableId(id: string): string {
  return PLAIN.test(id) && !id.startsWith(MARK) ? id : MARK + Buffer.from(id).toString('base64url');
}

/** Undoes `portableId`; leaves ids alone that it did not make. */
export function originalId(id: string): string {
  if (!id.startsWith(MARK)) return id;
  const original = Buffer.from(id.slice(MARK.length), 'base64url').toString();
  return portableId(original) === id ? original : id;
}
