/**
 * Tokens of a request before any provider has counted them.
 *
 * Matching uses the fixed ratios below and nothing else, so a rule decides the same in every pod and in `explain`. They are
 * middles between prose and code as current vocabularies of about 200,000 words cut them: English prose takes about 205
 * tokens per 1,000 bytes, code 278, Chinese 167 per 1,000 bytes of UTF-8. Ratios learned from providers serve ranking and
 * reserving only.
 */
import type { Attachments, TextBytes } from '../dialects/envelope.ts';

/** Tokens per 1,000 bytes, by class of byte. */
export const TOKENS_PER_1000_BYTES: Readonly<Record<keyof TextBytes, number>> = Object.freeze({
  ascii: 235,
  nonAscii: 175,
  /** As written: `\n` is two bytes, `\u4e2d` six. */
  escaped: 200,
});

/** Tokens of one attachment: an image of a megapixel, a minute of audio, a file of a few pages. */
export const TOKENS_PER_ATTACHMENT = Object.freeze({ images: 765, audio: 600, files: 1500 });

/** The least one attachment takes: a thumbnail at low detail, a moment of audio, a line of text. */
const LEAST_PER_ATTACHMENT = Object.freeze({ images: 65, audio: 1, files: 1 });

/** How far any text is from the fixed ratios at most; learned ratios are held to the same. */
export const MIN_RATIO = 0.5;
export const MAX_RATIO = 2;

export interface TokenEstimate {
  tokens: number;
  /** Fewer than these it is not: only a target that cannot take even these is too small for sure. */
  lowerBound: number;
}

/** `tokenIds`: input already given as ids, which is counted and not estimated. */
export function estimateInputTokens(text: TextBytes, attachments: Attachments, tokenIds = 0): TokenEstimate {
  const thousandths =
    text.ascii * TOKENS_PER_1000_BYTES.ascii +
    text.nonAscii * TOKENS_PER_1000_BYTES.nonAscii +
    text.escaped * TOKENS_PER_1000_BYTES.escaped;
  return {
    tokens: Math.ceil(thousandths / 1000) + perAttachment(attachments, TOKENS_PER_ATTACHMENT) + tokenIds,
    lowerBound:
      Math.floor((thousandths * MIN_RATIO) / 1000) +
      perAttachment(attachments, LEAST_PER_ATTACHMENT) +
      tokenIds,
  };
}

function perAttachment(
  count: Attachments,
  table: Readonly<Record<'images' | 'audio' | 'files', number>>,
): number {
  return count.images * table.images + count.audio * table.audio + count.files * table.files;
}

/** Weight of one new observation. */
const STEP = 0.1;
/** Estimates below this say little about a ratio: what a vendor adds around every message outweighs the text. */
const LEAST_INFORMATIVE = 50;

/** What a provider's own counts say of the fixed ratios, for one model; for ranking and reserving, never for matching. */
export class LearnedRatio {
  #ratio = 1;

  /** Tokens the provider is likely to count, by what it counted before: 0.5 to 2 times the estimate. */
  get ratio(): number {
    return this.#ratio;
  }

  /** One settled request: what was estimated, and what the provider counted. */
  observe(estimated: number, counted: number): void {
    if (!(estimated >= LEAST_INFORMATIVE) || !(counted > 0) || !Number.isFinite(counted)) return;
    const seen = clamp(counted / estimated);
    this.#ratio = clamp(this.#ratio + STEP * (seen - this.#ratio));
  }

  apply(estimated: number): number {
    return Math.ceil(estimated * this.#ratio);
  }
}

const clamp = (ratio: number): number => Math.min(MAX_RATIO, Math.max(MIN_RATIO, ratio));
