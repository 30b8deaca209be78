/** Which requests a cache may answer, and what their senders say of it. Pure. */
import type { DialectName } from '../dialects/dialect.ts';
import type { Envelope } from '../dialects/envelope.ts';
import { isPinned } from '../routing/kept.ts';
import type { RequestFacts } from '../routing/plan.ts';
import type { RuleBody } from '../snapshot/schema.ts';
import type { CacheBody } from '../snapshot/shapes/cache.ts';

/** Why a request passes the cache by. A closed list: it labels metrics. */
export type Bypass =
  | 'Endpoint' // answers of the endpoint are not kept
  | 'Stateful' // it refers to what a vendor keeps, or asks it to keep something
  | 'ServerTools' // the vendor does something for it
  | 'Linked' // it links to what may change
  | 'Ambiguous' // a member occurs twice
  | 'Sampled' // its answer is drawn by chance
  | 'Scope' // it lacks a header that says for whom it is
  | 'Arm' // its arm of the experiment is drawn by chance
  | 'NoStore'; // its sender wants it so

/** What is said of each. */
export const BYPASS_WORDS: Readonly<Record<Bypass, string>> = {
  Endpoint: 'answers of this endpoint are not kept',
  Stateful: 'it refers to, or leaves, something that the provider keeps',
  ServerTools: 'it has the provider run tools',
  Linked: 'it links to images or files, which may change',
  Ambiguous: 'a member of its body occurs twice',
  Sampled: 'its temperature is not 0, so its answer is drawn by chance; cache.sampled does not allow that',
  Scope: 'it lacks a header of cache.scope.headers',
  Arm: 'its arm of the experiment is drawn by chance',
  NoStore: 'it says cache-control: no-store',
};

const ENDPOINTS: ReadonlySet<DialectName> = new Set<DialectName>([
  'openai-chat',
  'openai-completions',
  'openai-embeddings',
  'openai-responses',
  'anthropic-messages',
]);

/** Undefined: the cache may answer it. */
export function bypassOf(
  cache: CacheBody,
  rule: RuleBody,
  facts: RequestFacts,
  envelope: Envelope,
): Bypass | undefined {
  if (!ENDPOINTS.has(facts.dialect)) return 'Endpoint';
  if (isPinned(facts, rule)) return 'Stateful';
  if (facts.serverTools) return 'ServerTools';
  if (envelope.duplicates.length > 0) return 'Ambiguous';
  if (hasLinks(envelope)) return 'Linked';
  if (cache.sampled !== 'Allow' && isSampled(facts)) return 'Sampled';
  return undefined;
}

/** Vectors are worked out, not drawn. */
function isSampled(facts: RequestFacts): boolean {
  return facts.dialect !== 'openai-embeddings' && facts.member?.('temperature') !== 0;
}

/** Neither base64 nor the head of a data URL has one of these; text that has one only costs a look-up. */
const LINKS = ['://', ':\\/\\/', '\\u003a'] as const;

function hasLinks({ attachments, body }: Envelope): boolean {
  const { images, audio, files } = attachments;
  if (images + audio + files === 0) return false;
  return attachments.bytes === 0 || LINKS.some((link) => body.includes(link));
}

export interface RequestControl {
  noStore: boolean;
  noCache: boolean;
  /** Of the answer, in milliseconds. */
  maxAgeMs: number | undefined;
}

const UNCONTROLLED: RequestControl = { noStore: false, noCache: false, maxAgeMs: undefined };

/** RFC 9111, of which a request of an app says these three; others ask for what this cache never does. */
export function controlOf(cache: CacheBody, facts: Pick<RequestFacts, 'header'>): RequestControl {
  const said = cache.requestControl === 'Ignore' ? undefined : facts.header('cache-control');
  if (said === undefined) return UNCONTROLLED;
  const control: RequestControl = { ...UNCONTROLLED };
  for (const part of said.split(',')) {
    const [name = '', value = ''] = part.trim().toLowerCase().split('=', 2);
    if (name === 'no-store') control.noStore = true;
    else if (name === 'no-cache') control.noCache = true;
    else if (name === 'max-age') {
      const seconds = /^"?(\d{1,10})"?$/.exec(value)?.[1];
      // What cannot be read asks for the freshest there is.
      control.maxAgeMs = seconds === undefined ? 0 : Number(seconds) * 1000;
    }
  }
  return control;
}
