/** Builds what is sent to a provider: path, headers by allow-list, body by splicing. Nothing of ours is in it. */
import type { ServiceTier } from '../accounting/service-tier.ts';
import type { DialectName, WireReader } from '../dialects/dialect.ts';
import type { Envelope } from '../dialects/envelope.ts';
import type { OutputCap } from '../dialects/output-cap.ts';
import type { OpenWay } from '../dialects/pairing.ts';
import { membersOf } from '../dialects/scan/body-scan.ts';
import type { BodyChange } from '../dialects/splice.ts';
import { isEmptyPatch, type SplicedBody, spliceBody } from '../dialects/splice.ts';
import type { Translation } from '../dialects/translation.ts';
import type { Exchange } from '../exchange.ts';
import { headerValue } from '../http1/header-value.ts';
import type { Spoken } from '../providers/provider-type.ts';
import { isUnstored } from '../routing/kept.ts';
import type { Candidate } from '../routing/plan.ts';
import type { PatchBody, RuleBody } from '../snapshot/schema.ts';
import { askedTier } from './asked-tier.ts';
import type { Authorization } from './auth/authorize.ts';
import { allowedQuery } from './header-rules.ts';
import type { Upstream } from './upstreams.ts';

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  /** Written in this order; undefined: streamed from the caller. */
  body: readonly Buffer[] | undefined;
  readonly changes: readonly BodyChange[];
  /** Reads the answer. */
  readonly wire: WireReader;
  /** The answer crosses to the caller's dialect; undefined: it is the same. */
  readonly translation: Translation | undefined;
  /** We asked for usage in the stream and the caller did not. */
  readonly usageInjected: boolean;
  /** Undefined: no tier of service is asked for, or the standard one. */
  readonly askedTier: ServiceTier | undefined;
}

export interface HeaderOptions {
  readonly authorization: Authorization;
  /** The caller's own key is sent, so its account headers belong to it. */
  readonly callerKey: boolean;
  /** The same credential as in the first attempt, so an idempotency key means the same there. */
  readonly keepIdempotency: boolean;
  /** Further caller headers that may pass, lower-case. */
  readonly also?: ReadonlySet<string>;
  /** Headers that go where nobody set them, by lower-case name. */
  readonly defaults?: NonNullable<Spoken['headers']> | undefined;
}

export interface RequestOptions extends HeaderOptions {
  /** Streams carry usage when asked, and we ask. */
  readonly askUsage: boolean;
  readonly way: OpenWay;
  /** The request in the vendor's dialect, where that is not the caller's. */
  readonly crossed: Crossed | undefined;
}

export interface Crossed {
  readonly body: Buffer;
  readonly translation: Translation;
  /** The caller asked for a tier of service; the vendor has it in its own words, or not at all. */
  readonly asksTier?: boolean;
}

/** Up to this size one buffer is cheaper than several writes. */
const CONCAT_LIMIT = 32 * 1024;

/** Whose streams carry usage only when asked. */
const ASKED_FOR_USAGE: ReadonlySet<DialectName> = new Set(['openai-chat', 'openai-completions']);

/** Throws OutriderError (400) when a patch names a member that the caller sent twice. */
export function buildRequest(
  exchange: Exchange,
  candidate: Candidate,
  upstream: Upstream,
  rule: RuleBody,
  options: RequestOptions,
): UpstreamRequest {
  const { way, crossed } = options;
  const stream = exchange.envelope?.stream ?? false;
  const asksUsage = options.askUsage && stream && ASKED_FOR_USAGE.has(way.spoken.dialect);
  const usageInjected = asksUsage && (crossed !== undefined || exchange.envelope?.includeUsage !== true);
  const spliced = crossed
    ? spliceCrossed(crossed, candidate.target.patch, usageInjected, capOf(exchange, way, rule))
    : spliceReceived(exchange, candidate, way, rule, usageInjected);
  const headers = buildHeaders(exchange, candidate, upstream, rule, {
    ...options,
    defaults: way.spoken.headers,
  });
  headers.push('Content-Length', String(spliced.length));
  const body =
    spliced.chunks.length > 1 && spliced.length <= CONCAT_LIMIT
      ? [Buffer.concat(spliced.chunks, spliced.length)]
      : spliced.chunks;
  const path = upstream.path(way.spoken, candidate.upstreamModel, stream);
  // A query is in the words of the caller's dialect.
  const query = crossed ? '' : exchange.query;
  return {
    method: exchange.method,
    path: query === '' ? path : withQuery(path, query),
    headers,
    body,
    changes: spliced.changes,
    usageInjected,
    askedTier: tierOf(exchange, crossed, candidate.target.patch),
    wire: way.wire,
    translation: crossed?.translation,
  };
}

function tierOf(
  { envelope }: Exchange,
  crossed: Crossed | undefined,
  patch: PatchBody,
): ServiceTier | undefined {
  if (crossed === undefined) return envelope && askedTier(envelope, patch);
  // Whether it is in what was written takes reading it.
  const written = crossed.asksTier ? membersOf(crossed.body) : { body: crossed.body, members: NO_MEMBERS };
  return askedTier(written, patch);
}

const NO_MEMBERS: Envelope['members'] = new Map();

function spliceReceived(
  { envelope, facts, dialect }: Exchange,
  { target, upstreamModel }: Candidate,
  { spoken }: OpenWay,
  rule: RuleBody,
  includeUsage: boolean,
): SplicedBody {
  if (envelope === undefined) throw new Error('a request without a body is passed through');
  return spliceBody(envelope, {
    model: spoken.modelInPath ? undefined : upstreamModel,
    patch: target.patch,
    includeUsage,
    unstored: facts !== undefined && isUnstored(facts, rule),
    cap: capOf({ dialect }, { spoken }, rule),
  });
}

/** Of requests that have a model write. */
function capOf(
  { dialect: { operation } }: Pick<Exchange, 'dialect'>,
  { spoken }: Pick<OpenWay, 'spoken'>,
  { maxOutputTokens: most }: RuleBody,
): OutputCap | undefined {
  if (most === undefined || (operation !== 'chat' && operation !== 'text_completion')) return undefined;
  return { most, dialect: spoken.dialect, chatMember: spoken.quirks?.outputCap };
}

/** What was written for the vendor names its model already. A target's patches are in the words of its vendor, so they come now. */
function spliceCrossed(
  { body }: Crossed,
  patch: PatchBody,
  includeUsage: boolean,
  cap: OutputCap | undefined,
): SplicedBody {
  if (!includeUsage && isEmptyPatch(patch)) return { chunks: [body], length: body.length, changes: [] };
  return spliceBody(membersOf(body), { model: undefined, patch, includeUsage, cap });
}

export function buildHeaders(
  exchange: Exchange,
  candidate: Candidate,
  upstream: Upstream,
  rule: RuleBody,
  options: HeaderOptions,
): string[] {
  const { fixed, allowed } = upstream.headerPlan(candidate.target, rule);
  const { type } = upstream;
  const headers = fixed.slice();
  const raw = exchange.req.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const lower = name.toLowerCase();
    if (
      allowed.has(lower) ||
      options.also?.has(lower) ||
      (options.callerKey && type.accountHeaders.has(lower)) ||
      (options.keepIdempotency && lower === 'idempotency-key')
    ) {
      headers.push(name, raw[i + 1] as string);
    }
  }
  for (const [name, value] of options.defaults ?? [])
    if (headerValue(headers, name) === undefined) headers.push(name, value);
  headers.push(...options.authorization.headers);
  return headers;
}

export function withQuery(path: string, query: string): string {
  const allowed = allowedQuery(query);
  return allowed === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${allowed}`;
}
