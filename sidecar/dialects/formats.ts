/** Every dialect by name, and what each brings to translation. Adding a dialect is adding a line here. */
import type { CallerFormat, VendorFormat } from './chat-format.ts';
import type { DialectName, WireReader } from './dialect.ts';
import { GEMINI, GEMINI_VENDOR } from './gemini/formats.ts';
import { OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_EMBEDDINGS } from './openai/dialects.ts';
import { OPENAI_CHAT_CALLER, OPENAI_CHAT_VENDOR } from './openai/formats.ts';

/** How answers are read in each dialect that vendors speak. */
export const WIRES: Readonly<Partial<Record<DialectName, WireReader>>> = {
  'openai-chat': OPENAI_CHAT,
  'openai-completions': OPENAI_COMPLETIONS,
  'openai-embeddings': OPENAI_EMBEDDINGS,
  gemini: GEMINI,
};

/** Chat dialects whose callers can be served by vendors of another dialect. */
export const CALLERS: Readonly<Partial<Record<DialectName, CallerFormat>>> = {
  'openai-chat': OPENAI_CHAT_CALLER,
};

/** Chat dialects that can be written for a vendor. */
export const VENDORS: Readonly<Partial<Record<DialectName, VendorFormat>>> = {
  'openai-chat': OPENAI_CHAT_VENDOR,
  gemini: GEMINI_VENDOR,
};
