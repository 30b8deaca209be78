/**
 * A request on its way to vendors of other dialects: read into the canonical form and written for each attempt. Few fail, and
 * what was read would be moved by the garbage collector for as long as the vendor thinks, so it is not kept. Bytes that a
 * vendor needs and the caller only linked to are fetched before, and kept until the answer commits.
 */
import { OutriderError } from '../../errors/table.ts';
import { askedOf } from '../dialects/canonical/asked.ts';
import { type Loss, Losses } from '../dialects/canonical/losses.ts';
import type { Block, ChatRequest, MediaSource } from '../dialects/canonical/request.ts';
import { translateEmbedding } from '../dialects/embeddings/embed-format.ts';
import { type CrossingWay, type EmbedPair, isCrossing, type OpenWay } from '../dialects/pairing.ts';
import { openTranslation, translateRequest } from '../dialects/translation.ts';
import type { Exchange } from '../exchange.ts';
import type { MemoryHold } from '../limits/memory-budget.ts';
import type { Candidate } from '../routing/plan.ts';
import type { Media } from './media.ts';
import type { DispatchParts } from './parts.ts';
import type { Crossed } from './upstream-request.ts';

/** Linked media one request may make us fetch. */
const MAX_FETCHES = 16;
const NO_QUIRKS = {};

export class Crossing {
  readonly #exchange: Exchange;
  readonly #held: MemoryHold;
  readonly #parts: Pick<DispatchParts, 'fetchMedia' | 'parse'>;
  readonly #media = new Map<string, Media>();
  /** Between gathering and building. */
  #chat: ChatRequest | undefined = undefined;
  #readBefore = false;

  constructor(exchange: Exchange, held: MemoryHold, parts: Pick<DispatchParts, 'fetchMedia' | 'parse'>) {
    this.#exchange = exchange;
    this.#held = held;
    this.#parts = parts;
  }

  /** Undefined: everything is at hand. Rejects with OutriderError (400) where a link cannot be followed. */
  gather(way: OpenWay, signal: () => AbortSignal): Promise<void> | undefined {
    if (!isCrossing(way) || way.spoken.quirks?.imagesAsBytes !== true) return undefined;
    this.#chat = this.#read(way);
    const missing = [...linksOf(this.#chat)].filter((url) => !this.#media.has(url));
    if (missing.length === 0) return undefined;
    if (missing.length > MAX_FETCHES) {
      const reason = `it links to ${missing.length} images or files, at most ${MAX_FETCHES} are fetched`;
      return Promise.reject(new OutriderError('request_not_translatable', { reason }));
    }
    return this.#fetchAll(missing, signal());
  }

  /** The request for one vendor. Throws `request_not_translatable` where it cannot be said there. */
  build(way: CrossingWay, candidate: Candidate): { crossed: Crossed; losses: readonly Loss[] } {
    const { caller, vendor } = way.crossing;
    const chat = this.#chat ?? this.#read(way);
    this.#chat = undefined;
    const losses = new Losses();
    const body = translateRequest(chat, vendor, {
      model: candidate.upstreamModel,
      maxOutputTokens: candidate.model?.maxOutputTokens,
      quirks: way.spoken.quirks ?? NO_QUIRKS,
      losses,
      media: (url) => this.#media.get(url),
    });
    this.#take(body.length);
    const translation = openTranslation(caller, vendor, {
      requestId: this.#exchange.id,
      now: Math.floor(this.#exchange.startedWall / 1000),
      model: candidate.upstreamModel,
      request: askedOf(chat),
      quirks: way.spoken.quirks ?? NO_QUIRKS,
    });
    const asksTier = chat.serviceTier !== undefined;
    return { crossed: { body, translation, asksTier }, losses: losses.list };
  }

  /** As `build`, for embeddings. */
  embed({ caller, vendor }: EmbedPair, candidate: Candidate): { crossed: Crossed; losses: readonly Loss[] } {
    const { envelope } = this.#exchange;
    if (envelope === undefined) throw new Error('a request without a body is passed through');
    const { body } = envelope;
    const losses = new Losses();
    const context = { model: candidate.upstreamModel, losses };
    const crossed = this.#parts.parse.run(body.length, () =>
      translateEmbedding(caller, vendor, caller.readRequest(body), context),
    );
    this.#take(crossed.body.length);
    return { crossed, losses: losses.list };
  }

  #read(way: CrossingWay): ChatRequest {
    const { envelope, plan } = this.#exchange;
    if (envelope === undefined) throw new Error('a request without a body is passed through');
    const { body } = envelope;
    if (!this.#readBefore) this.#take(body.length);
    this.#readBefore = true;
    const chat = this.#parts.parse.run(body.length, () => way.crossing.caller.readChat(body));
    // The rule's cap is not in the body that came.
    if (plan?.rule.maxOutputTokens !== undefined) chat.maxOutputTokens = envelope.maxOutputTokens;
    return chat;
  }

  async #fetchAll(urls: readonly string[], signal: AbortSignal): Promise<void> {
    const found = await Promise.all(urls.map((url) => this.#parts.fetchMedia(url, this.#held, signal)));
    for (const [i, media] of found.entries()) this.#media.set(urls[i] as string, media);
  }

  #take(bytes: number): void {
    if (!this.#held.grow(bytes)) throw this.#held.full();
  }
}

function* linksOf(chat: ChatRequest): Generator<string> {
  for (const { blocks } of chat.turns) for (const block of blocks) yield* linksIn(block);
}

function* linksIn(block: Block): Generator<string> {
  if (block.type === 'Image' || block.type === 'File') yield* link(block.source);
  if (block.type === 'ToolResult') for (const inner of block.blocks) yield* linksIn(inner);
}

function* link(source: MediaSource): Generator<string> {
  if (source.kind === 'Url') yield source.url;
}
