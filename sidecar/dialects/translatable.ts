/**
 * Which chat dialects can be translated, known without the code that does it: routing asks for every request, while most
 * sidecars never translate one. That code is loaded with the first request that needs it.
 */
import type { DialectName } from './dialect.ts';

/** Whose callers can be served by vendors of another dialect. */
export const TRANSLATED_FROM: ReadonlySet<DialectName> = new Set([
  'openai-chat',
  'openai-responses',
  'anthropic-messages',
]);

/** Which can be written for a vendor, and whether it gives several answers to one request. */
export const TRANSLATED_TO: ReadonlyMap<DialectName, { readonly severalAnswers: boolean }> = new Map([
  ['openai-chat', { severalAnswers: true }],
  ['openai-responses', { severalAnswers: false }],
  ['anthropic-messages', { severalAnswers: false }],
  ['gemini', { severalAnswers: true }],
  ['bedrock-converse', { severalAnswers: false }],
  ['cohere-chat', { severalAnswers: false }],
] as const);

/** The same for embeddings. */
export const EMBEDS_FROM: ReadonlySet<DialectName> = new Set(['openai-embeddings']);
export const EMBEDS_TO: ReadonlySet<DialectName> = new Set([
  'cohere-embed',
  'cohere-invoke',
  'titan-embed',
  'vertex-predict',
  'vertex-embed',
]);
