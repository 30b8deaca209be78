/** Headers of a message of the AWS event stream: `name length (1) · name · type (1) · value`. */

const PRELUDE = 12;
/** Lengths of the values of fixed size, by type: true, false, byte, short, int, long, then timestamp and UUID. */
const FIXED: Readonly<Record<number, number>> = { 0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16 };
const BYTES = 6;
const STRING = 7;

/** Text headers of a whole message by name; undefined where they are not well formed. */
export function readMessageHeaders(message: Buffer): Map<string, string> | undefined {
  const headers = new Map<string, string>();
  const end = PRELUDE + message.readUInt32BE(4);
  let at = PRELUDE;
  while (at < end) {
    const nameEnd = at + 1 + (message[at] as number);
    if (nameEnd >= end) return undefined;
    const name = message.toString('utf8', at + 1, nameEnd);
    const type = message[nameEnd] as number;
    at = nameEnd + 1;
    const fixed = FIXED[type];
    if (fixed !== undefined) {
      at += fixed;
    } else if (type === STRING || type === BYTES) {
      if (at + 2 > end) return undefined;
      const valueEnd = at + 2 + message.readUInt16BE(at);
      if (valueEnd > end) return undefined;
      if (type === STRING) headers.set(name, message.toString('utf8', at + 2, valueEnd));
      at = valueEnd;
    } else {
      return undefined;
    }
  }
  return at === end ? headers : undefined;
}
