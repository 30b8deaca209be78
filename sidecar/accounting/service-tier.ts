/** The tier of service in which a vendor says that it served a request: what is billed depends on it. */
import type { PricedTier } from '../snapshot/schema.ts';

/** Other: a word that we do not know, so neither is the price. */
export type ServiceTier = 'Standard' | PricedTier | 'Other';
