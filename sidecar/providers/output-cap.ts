/** What the cap on a chat answer is called where a provider of the type is asked in OpenAI's dialect. */
import type { ProviderTypeName } from '../snapshot/schema.ts';

/** Where the newer name is the only one that every model takes. */
const NEWER: ReadonlySet<ProviderTypeName> = new Set(['OpenAI', 'AzureOpenAI']);

export const capMember = (type: ProviderTypeName): 'max_completion_tokens' | 'max_tokens' =>
  NEWER.has(type) ? 'max_completion_tokens' : 'max_tokens';
