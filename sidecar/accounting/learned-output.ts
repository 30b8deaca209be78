/**
 * How many tokens a model bills for a byte that it delivers. Reasoning that is billed but not shown makes this far more than
 * text alone would; an answer that breaks off without usage is settled by it. Learned from answers that brought both.
 */
import type { Usage } from './usage.ts';

/** Before anything is known: about four bytes of text to a token. */
const FIXED_TOKENS_PER_BYTE = 0.25;
/** Share of a new observation. */
const WEIGHT = 0.2;
/** Answers shorter than this say more about rounding than about the model. */
const MIN_BYTES = 40;
/** Bounds against nonsense: never below the fixed ratio's half, never beyond a hundred tokens to a byte. */
const LOWEST = FIXED_TOKENS_PER_BYTE / 2;
const HIGHEST = 100;
const MAX_MODELS = 512;

export class LearnedOutput {
  private readonly ratios = new Map<string, number>();

  /** Takes in an answer that came whole, with the vendor's own usage. */
  observe(model: string, deliveredBytes: number, usage: Usage): void {
    if (deliveredBytes < MIN_BYTES) return;
    const observed = clamp((usage.output + usage.reasoning) / deliveredBytes);
    const known = this.ratios.get(model);
    if (known === undefined && this.ratios.size >= MAX_MODELS) this.forgetOldest();
    this.ratios.set(model, known === undefined ? observed : known + WEIGHT * (observed - known));
  }

  /** Tokens to bill for what was delivered. */
  tokens(model: string, deliveredBytes: number): number {
    return Math.ceil(deliveredBytes * (this.ratios.get(model) ?? FIXED_TOKENS_PER_BYTE));
  }

  private forgetOldest(): void {
    for (const model of this.ratios.keys()) {
      this.ratios.delete(model);
      return;
    }
  }
}

function clamp(ratio: number): number {
  return Math.min(HIGHEST, Math.max(LOWEST, ratio));
}
