/** The request headers the listener itself looks at, picked out of `rawHeaders` in one pass. */

/** Header names in lower case, to the field that takes them. Their lengths tell most other headers apart at once. */
const WANTED = {
  host: 'host',
  origin: 'origin',
  'sec-fetch-site': 'fetchSite',
  'content-type': 'contentType',
  'content-length': 'contentLength',
  'content-encoding': 'contentEncoding',
  'transfer-encoding': 'transferEncoding',
  authorization: 'authorization',
  'x-api-key': 'apiKey',
  'x-goog-api-key': 'googleApiKey',
  'x-stainless-retry-count': 'retryCount',
} as const;

type Field = (typeof WANTED)[keyof typeof WANTED];

const FIELDS: ReadonlyMap<string, Field> = new Map(Object.entries(WANTED));
const LENGTHS = new Set([...FIELDS.keys()].map((name) => name.length));

export class RequestHead implements Record<Field, string | undefined> {
  host: string | undefined = undefined;
  origin: string | undefined = undefined;
  fetchSite: string | undefined = undefined;
  contentType: string | undefined = undefined;
  contentLength: string | undefined = undefined;
  contentEncoding: string | undefined = undefined;
  transferEncoding: string | undefined = undefined;
  authorization: string | undefined = undefined;
  apiKey: string | undefined = undefined;
  googleApiKey: string | undefined = undefined;
  retryCount: string | undefined = undefined;

  constructor(rawHeaders: readonly string[]) {
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] as string;
      if (!LENGTHS.has(name.length)) continue;
      const field = FIELDS.get(name) ?? FIELDS.get(name.toLowerCase());
      if (field === undefined) continue;
      const value = rawHeaders[i + 1] as string;
      // Sent twice, a header passes none of our rules: what we would read may not be what others read.
      this[field] = this[field] === undefined ? value : `${this[field]}, ${value}`;
    }
  }
}
