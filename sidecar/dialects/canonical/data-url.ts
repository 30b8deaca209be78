/** `data:` URLs, as clients of chat APIs write them. */

export interface DataUrl {
  /** Lower-case, without parameters; empty where the URL names none. */
  mediaType: string;
  /** Base64 without white space. */
  data: string;
}

/** Longest part before the comma: media types and their parameters are short. */
const MAX_HEAD = 512;

/** Undefined for any other URL. Parameters such as `charset` are let go. */
export function parseDataUrl(url: string): DataUrl | undefined {
  if (!/^data:/i.test(url)) return undefined;
  const comma = url.indexOf(',');
  if (comma < 0 || comma > MAX_HEAD) return undefined;
  const [mediaType = '', ...parameters] = url.slice(5, comma).split(';');
  const base64 = parameters.some((parameter) => parameter.trim().toLowerCase() === 'base64');
  const payload = url.slice(comma + 1);
  return {
    mediaType: mediaType.trim().toLowerCase(),
    data: base64 ? payload.replace(/\s+/g, '') : Buffer.from(unescaped(payload)).toString('base64'),
  };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
