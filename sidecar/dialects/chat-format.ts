/**
 * What a chat dialect brings to translation. A dialect that apps speak can read their requests and write their answers
 * (`CallerFormat`); a dialect that vendors speak can write requests and read answers (`VendorFormat`). Any of the first goes
 * with any of the second, through the canonical model. All of it is pure: no I/O, no clock.
 */

import type { Losses } from './canonical/losses.ts';
import type { ChatRequest } from './canonical/request.ts';
import type { ChatEvent, ChatResponse } from './canonical/response.ts';
import type { EventReading, UpstreamError } from './dialect.ts';

export interface CallerFormat {
  /** `body` has been read by the dialect's `readRequest`, so it is JSON of the right outline. Throws OutriderError (400). */
  readChat(body: Buffer): ChatRequest;
  writeComplete(response: ChatResponse, context: AnswerContext): Buffer;
  openWriter(context: AnswerContext): EventWriter;
  /** A vendor's error as this dialect's clients expect it. */
  renderUpstreamError(error: UpstreamError, status: number): Buffer;
}

export interface AnswerContext {
  /** Stands in for the vendor's id where it sent none; unique. */
  readonly requestId: string;
  /** Seconds since 1970, for `created`. */
  readonly now: number;
  /** Name asked of the vendor, where the answer does not name its model. */
  readonly model: string;
  readonly request: Asked;
  /** Of the vendor that answers. */
  readonly quirks?: Quirks;
}

/** What stays of a request while its answer comes: a prompt must not live as long as a stream. Tools keep name and type. */
export type Asked = Omit<ChatRequest, 'turns' | 'source'>;

/** Canonical events in, server-sent events of the caller's dialect out. */
export interface EventWriter {
  /** Characters it keeps of the answer, for what must be said again or later. */
  readonly held: number;
  /** Undefined: nothing to say for this event. */
  write(event: ChatEvent): string | undefined;
}

export interface VendorFormat {
  /** Depth-1 request parameters it can honour, by canonical name (keys of ChatRequest). Others are lost. */
  readonly honours: ReadonlySet<keyof ChatRequest>;
  /** What of the request it cannot say at all, as a reason; the target is then not tried. Undefined: nothing. */
  obstacle(request: ChatRequest, context: WriteContext): string | undefined;
  writeRequest(request: ChatRequest, context: WriteContext): Buffer;
  /** `asked`: what was asked for in a form of the vendor's own must come back in the caller's. */
  readComplete(body: Buffer, asked: Asked, quirks?: Quirks): ChatResponse;
  openReader(asked: Asked, quirks?: Quirks): EventSource;
}

export interface WriteContext {
  /** The vendor's name of the model. */
  readonly model: string;
  /** The model's largest output in tokens; undefined where unknown. */
  readonly maxOutputTokens: number | undefined;
  readonly quirks: Quirks;
  readonly losses: Losses;
  /** URLs whose bytes the vendor needs, fetched before; undefined where none was fetched. */
  media(url: string): { mediaType: string; data: string } | undefined;
}

/** How a vendor differs from the dialect it speaks. Data of the provider type; absent: as the dialect's inventor. */
export interface Quirks {
  /** OpenAI Chat: which member caps the output. */
  readonly outputCap?: 'max_tokens' | 'max_completion_tokens';
  /** Role of instructions in OpenAI Chat. */
  readonly systemRole?: 'system' | 'developer';
  /** Turns of one role must alternate. */
  readonly alternate?: true;
  /** Form of tool call ids; `Nine`: nine letters and digits. */
  readonly toolIds?: 'Nine';
  /** OpenAI Chat: the vendor takes and gives `reasoning_content` (DeepSeek, vLLM) or `reasoning` (OpenRouter, Groq). */
  readonly reasoning?: 'reasoning_content' | 'reasoning';
  /** Anthropic: goes into the body in place of `model` (Bedrock, Vertex). */
  readonly anthropicVersion?: string;
  /** Parameters, by wire name, that this vendor refuses; `output_config.format` for a member of one. */
  readonly refuses?: readonly string[];
  /** Anthropic: the vendor counts what it read from and wrote to its cache in `input_tokens` too. */
  readonly inputIncludesCache?: true;
  /** Image URLs are not fetched by the vendor: it needs the bytes. */
  readonly imagesAsBytes?: true;
  /** Gemini: calls and their results carry no ids. */
  readonly omitCallIds?: true;
}

/** Whole events of a vendor's stream in, canonical events out. */
export interface EventSource {
  /** Characters it keeps of the stream, for what cannot be told yet. */
  readonly held: number;
  /**
   * `reading` is what the dialect's own StreamReader said of the event; `malformed` events are errors there. Throws
   * OutriderError (`upstream_stream_broken`) only where a stream would have more held than it may.
   */
  read(data: Buffer, reading: EventReading, emit: (event: ChatEvent) => void): void;
  /** The upstream has ended, and well: closes what is open. Emits `End`. */
  end(emit: (event: ChatEvent) => void): void;
}
