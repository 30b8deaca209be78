/** Tiers of service in the words of vendors, as answers tell them. */
import type { ServiceTier } from '../accounting/service-tier.ts';
import type { JsonScanner } from './scan/json-scanner.ts';

/** `auto` and the like are what was asked for: they say nothing of what was served. */
const WORDS: Readonly<Record<string, ServiceTier | undefined>> = {
  default: 'Standard',
  standard: 'Standard',
  // Anthropic's word for not asking for more.
  standard_only: 'Standard',
  on_demand: 'Standard',
  auto: undefined,
  unspecified: undefined,
  '': undefined,
  flex: 'Flex',
  priority: 'Priority',
  // OpenAI's other word for priority.
  fast: 'Priority',
  batch: 'Batch',
  scale: 'Reserved',
  reserved: 'Reserved',
  performance: 'Reserved',
};
const SCANNED = Object.entries(WORDS).map(([word, tier]) => ({ bytes: Buffer.from(word), tier }));

/** Undefined where it says nothing. */
export function serviceTierOf(word: unknown): ServiceTier | undefined {
  if (typeof word !== 'string') return undefined;
  const lower = word.toLowerCase();
  return Object.hasOwn(WORDS, lower) ? WORDS[lower] : 'Other';
}

const TOLD: Readonly<Partial<Record<ServiceTier, string>>> = {
  Standard: 'default',
  Flex: 'flex',
  Priority: 'priority',
  Reserved: 'scale',
};

/** As OpenAI says it, to callers of other dialects; undefined where it has no word for it. */
export function wordOf(tier: ServiceTier | undefined): string | undefined {
  return tier && TOLD[tier];
}

/** Of the value at the cursor, which it steps over. Streams repeat it in every event, so it makes no text of it. */
export function scanServiceTier(scanner: JsonScanner): ServiceTier | undefined {
  const text = scanner.atString();
  scanner.value();
  if (!text) return undefined;
  for (const { bytes, tier } of SCANNED) if (scanner.stringIs(bytes)) return tier;
  return serviceTierOf(scanner.stringText());
}
