/** The body of an error answer, before a dialect looks into it. */

/** Bodies beyond this are not read for an error. */
const READ_LIMIT = 256 * 1024;

/** As JSON.parse gives it; undefined where there is nothing, too much, or no JSON. */
export function parseErrorBody(body: Buffer): unknown {
  if (body.length === 0 || body.length > READ_LIMIT) return undefined;
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    return undefined;
  }
}
