/** Every kind of the API, in the order their CRDs are applied. */
import type { KindDefinition } from './common.ts';
import { llmPolicy } from './llmpolicy.ts';
import { llmProvider } from './llmprovider.ts';
import { llmRoute } from './llmroute.ts';

export const KINDS: readonly KindDefinition[] = [llmProvider, llmRoute, llmPolicy];
