/** Vendors besides OpenAI, whose paths or headers tell them apart. Adding one is adding a line here. */
import { ANTHROPIC } from './anthropic.ts';
import { BEDROCK } from './bedrock.ts';
import { COHERE } from './cohere.ts';
import { GEMINI } from './gemini.ts';
import { OPENAI_RESPONSES } from './openai-responses.ts';
import type { Vendor } from './vendor.ts';

export const VENDORS: readonly Vendor[] = [OPENAI_RESPONSES, ANTHROPIC, GEMINI, BEDROCK, COHERE];
