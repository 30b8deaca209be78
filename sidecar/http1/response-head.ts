/**
 * The head of an answer (RFC 9112 §4 and §5) and what it says of its body (§6). What the grammar does not allow is refused and not
 * repaired: a proxy that guesses where an answer ends hands one caller's answer to another.
 */
import { TOKEN, VALUE } from './grammar.ts';
import { ProtocolError } from './protocol-error.ts';

export interface ResponseHead {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: string[];
  readonly framing: Framing;
  /** Bytes of the body where `framing` is Length; else 0. */
  readonly length: number;
  /** Another request may follow on this connection. */
  readonly keepAlive: boolean;
  /** Value of the header `Keep-Alive`. */
  readonly hint: string | undefined;
}

/** How the end of the body is told. */
type Framing = 'None' | 'Length' | 'Chunked' | 'Close';

const STATUS = `HTTP/1\\.[01] [1-9]\\d\\d(?: ${VALUE})?\\r\\n`;
const FIELD = `${TOKEN}:${VALUE}\\r\\n`;
const HEAD = new RegExp(`^${STATUS}(?:${FIELD})*$`);
const STATUS_LINE = new RegExp(`^${STATUS}`);
const FIELDS = new RegExp(`^(?:${FIELD})*$`);
/** More bytes than a body can have here. */
const LENGTH = /^\d{1,15}$/;

/** Servers behind servers say it twice, and code it once. */
const CHUNKED = /^chunked(?:[ \t]*,[ \t]*chunked)*$/i;

const STATUS_AT = 'HTTP/1.1 '.length;
const MINOR_AT = 'HTTP/1.'.length;
const SPACE = 0x20;
const TAB = 0x09;

/** `text`: in latin1, each line with its end, without the empty line after the last. Throws ProtocolError. */
export function parseResponseHead(text: string, method: string): ResponseHead {
  if (!HEAD.test(text)) throw fault(text);
  const status = Number(text.slice(STATUS_AT, STATUS_AT + 3));
  const rawHeaders: string[] = [];
  let length: string | undefined;
  let encoding: string | undefined;
  let connection = '';
  let hint: string | undefined;
  let at = text.indexOf('\r\n') + 2;
  while (at < text.length) {
    const colon = text.indexOf(':', at);
    const end = text.indexOf('\r\n', colon);
    const name = text.slice(at, colon);
    const value = trimmed(text, colon + 1, end);
    rawHeaders.push(name, value);
    at = end + 2;
    // Told by their lengths first: most names are none of these.
    switch (name.length) {
      case 10:
        if (is(name, 'connection')) connection += `${value},`;
        else if (is(name, 'keep-alive')) hint = value;
        break;
      case 14:
        if (!is(name, 'content-length')) break;
        if (length !== undefined || !LENGTH.test(value)) throw invalidLength();
        length = value;
        break;
      case 17:
        if (is(name, 'transfer-encoding'))
          encoding = encoding === undefined ? value : `${encoding}, ${value}`;
        break;
      default:
    }
  }
  if (encoding !== undefined && length !== undefined) throw invalidLength();
  if (encoding !== undefined && !CHUNKED.test(encoding)) {
    throw new ProtocolError('HPE_INVALID_TRANSFER_ENCODING', 'the only transfer coding is chunked');
  }
  const framing = hasNoBody(status, method)
    ? 'None'
    : encoding !== undefined
      ? 'Chunked'
      : length !== undefined
        ? 'Length'
        : 'Close';
  return {
    status,
    rawHeaders,
    framing,
    length: framing === 'Length' ? Number(length) : 0,
    keepAlive:
      framing !== 'Close' &&
      text.charCodeAt(MINOR_AT) === 0x31 &&
      (connection === '' || !/(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(connection)),
    hint,
  };
}

/** Whether `lines`, each with its end, are header fields. */
export function areFields(lines: string): boolean {
  return FIELDS.test(lines);
}

const hasNoBody = (status: number, method: string): boolean =>
  status < 200 || status === 204 || status === 304 || method === 'HEAD';

const is = (name: string, lower: string): boolean => name === lower || name.toLowerCase() === lower;

/** Without the white space around it (RFC 9110 §5.5). */
function trimmed(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

const isBlank = (code: number): boolean => code === SPACE || code === TAB;

function fault(text: string): ProtocolError {
  return STATUS_LINE.test(text)
    ? new ProtocolError('HPE_INVALID_HEADER_TOKEN', 'a header field is malformed')
    : new ProtocolError('HPE_INVALID_CONSTANT', 'the status line is not one of HTTP/1.1');
}

const invalidLength = (): ProtocolError =>
  new ProtocolError('HPE_INVALID_CONTENT_LENGTH', 'the length of the body is told twice, or not as a number');
