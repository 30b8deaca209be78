/** The provider types by name. */
import type { ProviderTypeName } from '../snapshot/schema.ts';
import { OPENAI, OPENAI_COMPATIBLE } from './openai.ts';
import type { ProviderType } from './provider-type.ts';

export const PROVIDER_TYPES: Readonly<Record<ProviderTypeName, ProviderType>> = {
  OpenAI: OPENAI,
  OpenAICompatible: OPENAI_COMPATIBLE,
};
