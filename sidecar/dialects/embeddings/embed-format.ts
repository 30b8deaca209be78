/**
 * Embeddings for callers of one dialect from vendors of another. There is little to translate: texts go out, vectors come back;
 * vectors stay as they were written. Pure, as chat translation is.
 */
import { OutriderError } from '../../../errors/table.ts';
import type { Usage } from '../../accounting/usage.ts';
import type { Losses } from '../canonical/losses.ts';
import type { UpstreamError } from '../dialect.ts';
import type { JsonText } from '../json/write.ts';
import type { StreamTranslation, Translation } from '../translation.ts';

export interface EmbedRequest {
  /** Undefined: given as token ids, which mean something to one vendor only. */
  texts: readonly string[] | undefined;
  dimensions: number | undefined;
  /** Base64: of little-endian 32-bit floats. */
  encoding: 'Float' | 'Base64';
  /** What the vectors are for, in the caller's words. */
  purpose: string | undefined;
  truncate: string | undefined;
  user: string | undefined;
  /** Depth-1 members without a meaning here. */
  unknown: readonly string[];
}

export interface EmbedResponse {
  model: string | undefined;
  /** One for each text, in their order: an array of numbers or a string, as `encoding` asked. */
  vectors: readonly JsonText[];
  usage: Usage | undefined;
}

export interface EmbedContext {
  /** The vendor's name of the model. */
  readonly model: string;
  readonly losses: Losses;
}

export interface EmbedCaller {
  /** `body` has been read by the dialect's `readRequest`. */
  readRequest(body: Buffer): EmbedRequest;
  writeResponse(response: EmbedResponse, model: string): Buffer;
  renderUpstreamError(error: UpstreamError, status: number): Buffer;
}

export interface EmbedVendor {
  /** Why the vendor cannot serve it; undefined: it can. */
  obstacle(request: EmbedRequest, context: Pick<EmbedContext, 'model'>): string | undefined;
  writeRequest(request: EmbedRequest, context: EmbedContext): Buffer;
  /** `rawUsage`: as the vendor gave it, in the body or beside it. */
  readResponse(body: Buffer, request: Pick<EmbedRequest, 'encoding'>, rawUsage: unknown): EmbedResponse;
}

/** Throws `request_not_translatable` where the vendor cannot serve the request. */
export function translateEmbedding(
  caller: EmbedCaller,
  vendor: EmbedVendor,
  request: EmbedRequest,
  context: EmbedContext,
): { body: Buffer; translation: Translation } {
  const reason = vendor.obstacle(request, context);
  if (reason !== undefined) throw new OutriderError('request_not_translatable', { reason });
  // The texts must not live as long as the answer takes.
  const { encoding } = request;
  const { model } = context;
  return {
    body: vendor.writeRequest(request, context),
    translation: {
      complete: (answer, rawUsage) =>
        caller.writeResponse(vendor.readResponse(answer, { encoding }, rawUsage), model),
      openStream: () => NO_STREAM,
      error: (error, status) => caller.renderUpstreamError(error, status),
    },
  };
}

/** The reader of such a stream calls its first event an error. */
const NO_STREAM: StreamTranslation = { held: 0, event: () => undefined, end: () => undefined };
