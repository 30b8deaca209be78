/**
 * What a wire format must tell the rest of the sidecar. One implementation per dialect; `server` picks it by path,
 * `dispatch` reads responses through it. Everything works on Buffers; nothing here does I/O.
 */
import type { OutriderError } from '../../errors/table.ts';
import type { ServiceTier } from '../accounting/service-tier.ts';
import type { Usage } from '../accounting/usage.ts';
import type { Quirks } from './chat-format.ts';
import type { Envelope } from './envelope.ts';

export type DialectName =
  | 'openai-chat'
  | 'openai-responses'
  | 'openai-completions'
  | 'openai-embeddings'
  | 'openai-raw'
  | 'anthropic-messages'
  | 'anthropic-count-tokens'
  | 'anthropic-raw'
  | 'gemini'
  | 'gemini-raw'
  | 'bedrock-converse'
  | 'cohere-chat'
  | 'cohere-embed'
  | 'cohere-invoke'
  | 'titan-embed'
  | 'vertex-predict'
  | 'vertex-embed'
  | 'rerank';

/** How a vendor answers in a wire format: what of it says what. */
export interface WireReader {
  readonly name: DialectName;
  /** How events are told apart in a stream. Unset: server-sent events. `aws`: the binary event stream of AWS. */
  readonly framing?: 'aws';
  /** A reader for one upstream stream. */
  openStream(): StreamReader;
  /** Reads a complete, non-streamed 2xx body. */
  readComplete(body: Buffer): CompleteReading;
  /** Reads the body of a non-2xx answer; undefined where it is not an error of the API (a web server's page, nothing). */
  readError(body: Buffer): UpstreamError | undefined;
  /** The vendor's usage in its normal form. */
  readonly readUsage: ReadUsage;
}

/** A wire format that apps speak to us. */
export interface Dialect extends WireReader {
  /** `gen_ai.operation.name`. */
  readonly operation: 'chat' | 'text_completion' | 'embeddings' | 'rerank' | 'count_tokens' | 'passthrough';
  /** Path below a provider's base URL, such as `/chat/completions`. */
  readonly upstreamPath: string;
  /** Unread paths: where they name the model. Unset: they do not. */
  readonly modelInPath?: NamedInPath;
  /** Reads and checks a request body. Throws OutriderError (400) naming the member; changes nothing. */
  readRequest(body: Buffer): Envelope;
  /** The answer by our own estimate of input tokens, where no target speaks the dialect and an estimate is better than none. */
  answerByEstimate?(inputTokens: number): Buffer;
  /** Our own error as this dialect's clients expect it. */
  renderError(error: OutriderError): { status: number; headers: [string, string][]; body: Buffer };
  /** An event that says nothing, for silent streams that have begun. Unset: a comment does. */
  readonly ping?: Buffer;
  /** One well-formed terminal event for a stream that has committed. */
  renderStreamError(error: OutriderError): Buffer;
}

export interface NamedInPath {
  /** The model that a canonical path names; undefined: none. */
  read(path: string): string | undefined;
  /** The same path for another model. */
  replace(path: string, model: string): string;
  /** The name alone, where the family's bodies and queries write more around it. */
  plain(name: string): string;
}

/** Reads whole server-sent events, in order. Holds no bytes beyond the current event. */
export interface StreamReader {
  /** What the stream has said so far. */
  readonly model: string | undefined;
  readonly responseId: string | undefined;
  readonly finishReasons: string[];
  /** In which the vendor says it serves; it may learn better on the way. Absent: it does not say. */
  readonly serviceTier?: ServiceTier | undefined;
  /** `event` is one whole event with its blank line; `data` its joined data payload (a view where there is one line). */
  read(event: Buffer, data: Buffer): EventReading;
  /**
   * The event as it would have been without our request for usage; undefined: it would not have been sent. `reading` is
   * what `read` said of it. Only for streams in which we asked and the caller did not.
   */
  withoutUsage(event: Buffer, data: Buffer, reading: EventReading): Buffer | undefined;
}

/** What one event meant. Implementations may reuse one object per reader. */
export interface EventReading {
  /** The event commits the response. */
  commits: boolean;
  /** Carries output (text, arguments, reasoning), so it is progress for the interToken timer. */
  content: boolean;
  /** The stream is complete with this event: a later EOF is no failure. */
  terminal: boolean;
  /** A terminal stop reason was seen, in this event or before. */
  finished: boolean;
  /** An error object inside a 200 stream. */
  error: UpstreamError | undefined;
  /** Raw usage object carried by this event. Snapshots, not increments: the last one counts. */
  usage: unknown;
  /** Bytes of delivered output text, for estimates. */
  outputBytes: number;
  /** The event carries only usage (`choices: []`), so it may be removed when we asked for it. */
  usageOnly: boolean;
}

export interface CompleteReading {
  error: UpstreamError | undefined;
  usage: unknown;
  model: string | undefined;
  responseId: string | undefined;
  finishReasons: string[];
  outputBytes: number;
  /** In which the vendor says it served. Absent: it does not say. */
  serviceTier?: ServiceTier | undefined;
}

/** An error body of a vendor. `code` and `type` are low-cardinality words; `message` goes to the client only. */
export interface UpstreamError {
  status: number | undefined;
  code: string | undefined;
  type: string | undefined;
  message: string;
  /** Where the body says when to come back. */
  retryAfterMs?: number;
}

/** Fills the normal form from a vendor's own usage object; undefined where it is not one. */
export type ReadUsage = (raw: unknown, quirks?: Quirks) => Usage | undefined;
