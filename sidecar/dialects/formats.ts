/** What each dialect brings to translation; loaded with the first request that crosses. Adding a dialect is adding a line here and in `translatable.ts`. */
import { ANTHROPIC_MESSAGES_CALLER, ANTHROPIC_MESSAGES_VENDOR } from './anthropic/formats.ts';
import { BEDROCK_CONVERSE, BEDROCK_CONVERSE_VENDOR } from './bedrock/formats.ts';
import type { CallerFormat, VendorFormat } from './chat-format.ts';
import { COHERE_CHAT, COHERE_CHAT_VENDOR } from './cohere/formats.ts';
import type { DialectName, WireReader } from './dialect.ts';
import {
  COHERE_EMBED,
  COHERE_EMBED_VENDOR,
  COHERE_INVOKE,
  COHERE_INVOKE_VENDOR,
} from './embeddings/cohere-vendor.ts';
import type { EmbedCaller, EmbedVendor } from './embeddings/embed-format.ts';
import { OPENAI_EMBED_CALLER } from './embeddings/openai-caller.ts';
import { TITAN_EMBED, TITAN_EMBED_VENDOR } from './embeddings/titan-vendor.ts';
import {
  VERTEX_EMBED,
  VERTEX_EMBED_VENDOR,
  VERTEX_PREDICT,
  VERTEX_PREDICT_VENDOR,
} from './embeddings/vertex-vendor.ts';
import { GEMINI, GEMINI_VENDOR } from './gemini/formats.ts';
import { OPENAI_CHAT_CALLER, OPENAI_CHAT_VENDOR } from './openai/formats.ts';
import { OPENAI_RESPONSES_CALLER, OPENAI_RESPONSES_VENDOR } from './responses/formats.ts';

/** How answers are read in dialects that only vendors speak. */
export const VENDOR_WIRES: Readonly<Partial<Record<DialectName, WireReader>>> = {
  gemini: GEMINI,
  'bedrock-converse': BEDROCK_CONVERSE,
  'cohere-chat': COHERE_CHAT,
  'cohere-embed': COHERE_EMBED,
  'cohere-invoke': COHERE_INVOKE,
  'titan-embed': TITAN_EMBED,
  'vertex-predict': VERTEX_PREDICT,
  'vertex-embed': VERTEX_EMBED,
};

/** Chat dialects whose callers can be served by vendors of another dialect. */
export const CALLERS: Readonly<Partial<Record<DialectName, CallerFormat>>> = {
  'openai-chat': OPENAI_CHAT_CALLER,
  'openai-responses': OPENAI_RESPONSES_CALLER,
  'anthropic-messages': ANTHROPIC_MESSAGES_CALLER,
};

/** Chat dialects that can be written for a vendor. */
export const VENDORS: Readonly<Partial<Record<DialectName, VendorFormat>>> = {
  'openai-chat': OPENAI_CHAT_VENDOR,
  'openai-responses': OPENAI_RESPONSES_VENDOR,
  'anthropic-messages': ANTHROPIC_MESSAGES_VENDOR,
  gemini: GEMINI_VENDOR,
  'bedrock-converse': BEDROCK_CONVERSE_VENDOR,
  'cohere-chat': COHERE_CHAT_VENDOR,
};

/** Embedding dialects whose callers can be served by vendors of another dialect. */
export const EMBED_CALLERS: Readonly<Partial<Record<DialectName, EmbedCaller>>> = {
  'openai-embeddings': OPENAI_EMBED_CALLER,
};

/** Embedding dialects that can be written for a vendor. */
export const EMBED_VENDORS: Readonly<Partial<Record<DialectName, EmbedVendor>>> = {
  'cohere-embed': COHERE_EMBED_VENDOR,
  'cohere-invoke': COHERE_INVOKE_VENDOR,
  'titan-embed': TITAN_EMBED_VENDOR,
  'vertex-predict': VERTEX_PREDICT_VENDOR,
  'vertex-embed': VERTEX_EMBED_VENDOR,
};
