/** What the user wrote, for logs whose owner asked for it: the end of it, cut to a number of bytes. */

/** Longest prompt that a line may hold; beyond it a log is the wrong place. */
export const MAX_PROMPT_BYTES = 16 * 1024;

/** The last `bytes` bytes of UTF-8 of the user's messages, whole characters only; a line break between messages. */
export function shownPrompt(userText: readonly string[], bytes: number): string {
  let left = bytes;
  const shown: string[] = [];
  for (let i = userText.length - 1; i >= 0; i--) {
    // The line break before an empty message may be the last byte that fits.
    if (left <= 0 && (left < 0 || userText[i] !== '')) break;
    const text = tail(userText[i] as string, left);
    shown.push(text);
    left -= Buffer.byteLength(text) + 1;
    if (text !== userText[i]) break;
  }
  return shown.reverse().join('\n');
}

function tail(text: string, bytes: number): string {
  // A unit of UTF-16 is a byte at least, so nothing before the last `bytes` of them can be shown.
  const encoded = Buffer.from(text.slice(-bytes));
  if (encoded.length <= bytes) return text.length <= bytes ? text : encoded.toString();
  let start = encoded.length - bytes;
  while (start < encoded.length && ((encoded[start] as number) & 0xc0) === 0x80) start++;
  return encoded.toString('utf8', start);
}
