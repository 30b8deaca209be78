/**
 * What providers' own counts say of each model: how many tokens they find in a request of ours, and how many they bill for
 * a byte they deliver. Reasoning that is billed but not shown makes the second far more than text alone would; an answer
 * that breaks off without usage is settled by it.
 */
import { LearnedRatio, TOKENS_PER_1000_BYTES } from './estimate.ts';
import { inputTokens, type Usage } from './usage.ts';

/** Before anything is known. */
const FIXED_TOKENS_PER_BYTE = TOKENS_PER_1000_BYTES.ascii / 1000;
/** Share of a new observation. */
const WEIGHT = 0.2;
/** Answers shorter than this say more about rounding than about the model. */
const MIN_BYTES = 40;
/** Bounds against nonsense. */
const LOWEST = FIXED_TOKENS_PER_BYTE / 2;
const HIGHEST = 100;
const MAX_MODELS = 512;
/** Until answers have been seen. */
const FIRST_LONG_OUTPUT = 1024;
/** Share of answers that may be longer than what is taken for long. */
const LONGER = 0.05;

interface Learned {
  input: LearnedRatio;
  /** Undefined until an answer with text came. */
  tokensPerByte: number | undefined;
  /** Output that 95 of 100 answers stay below. */
  longOutput: number;
}

export class LearnedUsage {
  private readonly models = new Map<string, Learned>();

  /** Takes in an answer that came whole, with the provider's own usage. `model` names provider and model. */
  observe(model: string, estimatedInput: number, deliveredBytes: number, usage: Usage): void {
    let learned = this.models.get(model);
    if (learned === undefined) {
      const [oldest] = this.models.size >= MAX_MODELS ? this.models.keys() : [];
      if (oldest !== undefined) this.models.delete(oldest);
      learned = { input: new LearnedRatio(), tokensPerByte: undefined, longOutput: FIRST_LONG_OUTPUT };
      this.models.set(model, learned);
    }
    learned.input.observe(estimatedInput, inputTokens(usage));
    learned.longOutput = towardsLong(learned.longOutput, usage.output + usage.reasoning);
    if (deliveredBytes < MIN_BYTES) return;
    const seen = Math.min(HIGHEST, Math.max(LOWEST, (usage.output + usage.reasoning) / deliveredBytes));
    const known = learned.tokensPerByte ?? seen;
    learned.tokensPerByte = known + WEIGHT * (seen - known);
  }

  /** Tokens the provider is likely to find in a request. */
  inputTokens(model: string, estimatedInput: number): number {
    return this.models.get(model)?.input.apply(estimatedInput) ?? estimatedInput;
  }

  /** Tokens an answer of the model hardly ever exceeds. */
  outputReserve(model: string): number {
    return Math.ceil(this.models.get(model)?.longOutput ?? FIRST_LONG_OUTPUT);
  }

  /** Tokens to bill for what was delivered. */
  outputTokens(model: string, deliveredBytes: number): number {
    return Math.ceil(deliveredBytes * (this.models.get(model)?.tokensPerByte ?? FIXED_TOKENS_PER_BYTE));
  }
}

/** One step of a running quantile: rarely a large one up, often a small one down, in balance at the 95th percentile. */
function towardsLong(known: number, seen: number): number {
  const step = Math.max(8, known / 8);
  return Math.max(1, known + (seen > known ? (1 - LONGER) * step : -LONGER * step));
}
