/** The head of a request as text (RFC 9112 §3 and §5). */
import { NOT_IN_VALUE, TOKEN } from './grammar.ts';

const IS_TOKEN = new RegExp(`^${TOKEN}$`);
const NOT_A_VALUE = new RegExp(NOT_IN_VALUE);
const NOT_IN_TARGET = /[^\x21-\x7e]/;

/** `headers`: names and values in turn. Throws TypeError for what would end a line or a field early, and says no value: it may be a key. */
export function requestHead(
  method: string,
  path: string,
  headers: readonly string[],
  keepAlive: boolean,
): string {
  if (!IS_TOKEN.test(method)) throw new TypeError('the method is not a token');
  if (path === '' || NOT_IN_TARGET.test(path))
    throw new TypeError('the path holds characters that must be escaped');
  let text = `${method} ${path} HTTP/1.1\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (!IS_TOKEN.test(name)) throw new TypeError('the name of a header is not a token');
    if (NOT_A_VALUE.test(value))
      throw new TypeError(`the header ${name} holds characters that are not allowed`);
    text += `${name}: ${value}\r\n`;
  }
  return `${text}${keepAlive ? 'Connection: keep-alive\r\n\r\n' : 'Connection: close\r\n\r\n'}`;
}
