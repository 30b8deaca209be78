/** What a scripted provider does with one request. Everything unset behaves like a healthy vendor. */

export interface Behaviour {
  /** Milliseconds before the response headers. */
  latencyMs?: number;
  /** Milliseconds between the headers and the first event of a stream. */
  firstTokenMs?: number;
  /** Pace of a stream; unset: as fast as the socket takes it, one write per event. */
  tokensPerSecond?: number;
  /** Number of words generated. Unset: 12, cut by the request's own cap. */
  outputTokens?: number;
  /** Text instead of the generated words. */
  text?: string;
  /** Answer with a call of this function. Unset: a call when the last user message names an offered function. */
  toolCall?: { name: string; arguments: string };
  failure?: Failure;
  /** How streams carry usage. Unset: OnRequest, as OpenAI does. */
  streamUsage?: StreamUsage;
  /** Part of the prompt reported as read from cache. */
  cachedTokens?: number;
  /** Part of the prompt reported as written to the cache (Anthropic). */
  cacheWriteTokens?: number;
  /** Part of the prompt reported as audio (OpenAI chat, Gemini), and of the answer on top of what is visible (OpenAI chat). */
  audioTokens?: number;
  /** Part of the thinking comes hidden (Anthropic). */
  redactedThinking?: boolean;
  /** Reported as reasoning, on top of the visible output. */
  reasoningTokens?: number;
  /** In which it says it served, in its own word. Unset: the standard one, where it says so at all. Cohere never does. */
  serviceTier?: string;
  /** Arguments of calls come whole at the end of the call, not in pieces (Responses, as LM Studio does it). */
  argumentsAtEnd?: boolean;
}

/**
 * OnRequest: `usage: null` on every chunk and a last chunk with `choices: []`, only when asked.
 * FinishChunk: in the chunk with the finish_reason, asked or not. Always: a last chunk, asked or not. Never: not at all.
 * Anthropic: FinishChunk tells of the cache in the last event only, where input_tokens shrink by it.
 * RejectOption: 400 when the request has `stream_options`.
 */
export type StreamUsage = 'OnRequest' | 'FinishChunk' | 'Always' | 'Never' | 'RejectOption';

export type Failure =
  | {
      kind: 'Status';
      status: number;
      code?: string;
      type?: string;
      message?: string;
      headers?: Record<string, string>;
    }
  | { kind: 'RateLimited'; retryAfter?: RetryAfterForm; ms?: number }
  | { kind: 'QuotaExhausted' }
  /** The socket is reset: before the headers, or after this many events. */
  | { kind: 'Reset'; afterEvents?: number }
  | { kind: 'HangBeforeHeaders' }
  | { kind: 'HangAfterHeaders' }
  /** Streams go silent after this many events without closing. */
  | { kind: 'Stall'; afterEvents: number; pingMs?: number }
  | { kind: 'ErrorInStream'; afterEvents?: number; code?: string }
  /** 200 and EOF without one event. */
  | { kind: 'EmptyStream' }
  /** A clean EOF after this many events, without finish_reason or [DONE]. */
  | { kind: 'DieMidStream'; afterEvents: number }
  | { kind: 'GarbageJson' }
  /** The body of a non-stream arrives in this many pieces, this far apart. */
  | { kind: 'SlowBody'; pieces: number; ms: number };

/** Seconds: `retry-after: 2`. Date: an HTTP date. Milliseconds: `retry-after-ms`. Reset: `x-ratelimit-reset-requests: 2s`. */
export type RetryAfterForm = 'Seconds' | 'Date' | 'Milliseconds' | 'Reset' | 'None';

/** Headers that announce `ms` milliseconds in the given form. */
export function retryAfterHeaders(form: RetryAfterForm, ms: number, now: number): Record<string, string> {
  switch (form) {
    case 'Seconds':
      return { 'retry-after': String(Math.ceil(ms / 1000)) };
    case 'Date':
      return { 'retry-after': new Date(now + ms).toUTCString() };
    case 'Milliseconds':
      return { 'retry-after-ms': String(ms) };
    case 'Reset':
      return {
        'x-ratelimit-limit-requests': '60',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': `${ms / 1000}s`,
      };
    case 'None':
      return {};
  }
}

const FIELDS: ReadonlySet<string> = new Set<keyof Behaviour>([
  'latencyMs',
  'firstTokenMs',
  'tokensPerSecond',
  'outputTokens',
  'text',
  'toolCall',
  'failure',
  'streamUsage',
  'cachedTokens',
  'cacheWriteTokens',
  'audioTokens',
  'redactedThinking',
  'reasoningTokens',
  'serviceTier',
  'argumentsAtEnd',
]);
const FAILURES: readonly Failure['kind'][] = [
  'Status',
  'RateLimited',
  'QuotaExhausted',
  'Reset',
  'HangBeforeHeaders',
  'HangAfterHeaders',
  'Stall',
  'ErrorInStream',
  'EmptyStream',
  'DieMidStream',
  'GarbageJson',
  'SlowBody',
];

/** A behaviour written by hand. Throws an Error that says what would be right. */
export function readBehaviour(body: Buffer): Behaviour {
  const behaviour = JSON.parse(body.toString('utf8') || '{}') as Behaviour;
  const unknown = Object.keys(behaviour).find((name) => !FIELDS.has(name));
  if (unknown !== undefined)
    throw new Error(`no behaviour "${unknown}"; there are ${[...FIELDS].join(', ')}`);
  const { failure } = behaviour;
  if (failure && !FAILURES.includes(failure.kind)) {
    throw new Error(`no failure of kind "${failure.kind}"; there are ${FAILURES.join(', ')}`);
  }
  if (
    failure?.kind === 'Status' &&
    !(Number.isInteger(failure.status) && failure.status >= 200 && failure.status <= 599)
  ) {
    throw new Error('failure.status must be a whole number from 200 to 599');
  }
  return behaviour;
}
