/** What one pass over a request body learns: ranges to splice and facts to route by. */

/** Byte range of a depth-1 member: `[start, end)` covers the key's quote to the end of the value. */
export interface MemberRange {
  name: string;
  start: number;
  valueStart: number;
  end: number;
}

/** Bytes of prompt text by class; attachments (base64, URLs of images) are never text. */
export interface TextBytes {
  ascii: number;
  nonAscii: number;
  /** Bytes of escape sequences as written, such as `\n` (2) or `\u4e2d` (6). */
  escaped: number;
}

export interface Attachments {
  images: number;
  audio: number;
  files: number;
  /** Base64 bytes as written. */
  bytes: number;
}

/** Generic facts of a request body, whatever its dialect. */
export interface Envelope {
  /** As received, content-encoding removed. Empty once nothing can be sent again (`Exchange.releaseBody`). */
  body: Buffer;
  /** By name, in the order of the body. */
  readonly members: ReadonlyMap<string, MemberRange>;
  /** Later occurrences of members that this dialect does not read: refused only where a patch names one. */
  readonly duplicates: readonly MemberRange[];
  /** Asked model; undefined when the body has none. */
  model: string | undefined;
  stream: boolean;
  /** `stream_options.include_usage`: undefined when absent. */
  includeUsage: boolean | undefined;
  /** The cap the caller set on output tokens. */
  maxOutputTokens: number | undefined;
  /** Parallel generations: `n`, `best_of`, or the length of a prompt array. */
  choices: number;
  text: TextBytes;
  /** Input given as token ids instead of text. */
  tokenIds: number;
  attachments: Attachments;
  /** Number of messages by role; `user` is the number of turns. */
  roles: Readonly<Record<string, number>>;
  /** Byte ranges (quotes excluded) of the JSON strings that hold user text. */
  userText: readonly { start: number; end: number }[];
  tools: boolean;
  /** Tools the vendor itself runs: the request is not free to repeat. */
  serverTools: boolean;
  vision: boolean;
  jsonSchema: boolean;
  /** The caller asks the vendor to keep something, or refers to what it keeps (`store: true`, an earlier answer, a file id). */
  stateful: boolean;
  /** The member that makes it so, where clients do without it when they are told that it cannot be had. */
  dispensable: string | undefined;
  /** Nothing of that, but the vendor keeps the answer because nobody told it not to (`store` of Responses). */
  stores: boolean;
}
