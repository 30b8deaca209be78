/** Finds a plain field in the beginning of a multipart form. */

const HEADER_END = Buffer.from('\r\n\r\n');
/** Longest value that is a name of anything. */
const MAX_VALUE = 256;

/** Value of the field `name`; undefined when it does not lie, whole, in `bytes`. */
export function multipartField(bytes: Buffer, boundary: string, name: string): string | undefined {
  const delimiter = Buffer.from(`--${boundary}`);
  let at = bytes.indexOf(delimiter);
  while (at >= 0) {
    const headers = at + delimiter.length;
    const headersEnd = bytes.indexOf(HEADER_END, headers);
    if (headersEnd < 0) return undefined;
    const next = bytes.indexOf(delimiter, headersEnd);
    if (isField(bytes.toString('latin1', headers, headersEnd), name)) {
      const start = headersEnd + HEADER_END.length;
      // The line end in front of the delimiter belongs to it.
      const end = next - 2;
      return next < 0 || end < start || end - start > MAX_VALUE
        ? undefined
        : bytes.toString('utf8', start, end);
    }
    at = next;
  }
  return undefined;
}

function isField(headers: string, name: string): boolean {
  const disposition = /content-disposition:[^\r\n]*/i.exec(headers)?.[0] ?? '';
  return (
    !/;\s*filename/i.test(disposition) && new RegExp(`;\\s*name="?${name}"?\\s*(;|$)`, 'i').test(disposition)
  );
}
