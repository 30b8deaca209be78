/**
 * Text from callers and vendors, made fit for logs and spans. Codes and ids are short words; anything else in their
 * place is text, and text of a vendor can quote the prompt.
 */
const WORD = /^[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,127}$/;
const TEXT_LIMIT = 200;

/** A code, id or name, or null. `_OTHER` where it does not look like one. */
export function word(text: string | undefined): string | null {
  if (text === undefined) return null;
  return WORD.test(text) ? text : '_OTHER';
}

/** What a caller wrote where a name belongs: cut, not judged. */
export function cut(text: string): string {
  return text.length <= TEXT_LIMIT ? text : `${text.slice(0, TEXT_LIMIT)}…`;
}
