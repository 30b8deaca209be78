/** Usage in its three forms: what the provider said, its normal form, and estimates. */

/** Tokens by kind. Parts do not overlap: the sum of the input kinds is the prompt, of the output kinds the completion. */
export interface Usage {
  /** Input read at full price: neither cached nor audio. */
  input: number;
  cacheRead: number;
  /** Input written to the vendor's prompt cache for five minutes, and for an hour. Absent: none. */
  cacheWrite5m?: number;
  cacheWrite1h?: number;
  audioInput: number;
  /** Audio read from the cache, where the vendor tells it apart. Absent: none. */
  audioCacheRead?: number;
  /** Output that is neither reasoning nor audio. */
  output: number;
  reasoning: number;
  audioOutput: number;
  /** Images the model made. Absent: none. */
  imageOutput?: number;
  /** Requests that the vendor bills the call as (Cohere's search units). Absent: one. In sums: of those that say it. */
  requests?: number;
}

export const NO_USAGE: Readonly<Usage> = Object.freeze({
  input: 0,
  cacheRead: 0,
  audioInput: 0,
  output: 0,
  reasoning: 0,
  audioOutput: 0,
});

/** Adds to `sum`, which gets the rarer kinds only once there are any: most usage never has them. */
export function addUsage(sum: Usage, usage: Usage): void {
  sum.input += usage.input;
  sum.cacheRead += usage.cacheRead;
  sum.audioInput += usage.audioInput;
  sum.output += usage.output;
  sum.reasoning += usage.reasoning;
  sum.audioOutput += usage.audioOutput;
  const { cacheWrite5m, cacheWrite1h, audioCacheRead, imageOutput, requests } = usage;
  if (cacheWrite5m) sum.cacheWrite5m = (sum.cacheWrite5m ?? 0) + cacheWrite5m;
  if (cacheWrite1h) sum.cacheWrite1h = (sum.cacheWrite1h ?? 0) + cacheWrite1h;
  if (audioCacheRead) sum.audioCacheRead = (sum.audioCacheRead ?? 0) + audioCacheRead;
  if (imageOutput) sum.imageOutput = (sum.imageOutput ?? 0) + imageOutput;
  if (requests !== undefined) sum.requests = (sum.requests ?? 0) + requests;
}

/** Whether any of the kinds is there that most usage never has. */
export const hasRareKinds = (usage: Usage): boolean =>
  usage.cacheWrite5m !== undefined ||
  usage.cacheWrite1h !== undefined ||
  usage.audioCacheRead !== undefined ||
  usage.imageOutput !== undefined ||
  usage.requests !== undefined;

/** All input, whatever it is billed as. */
export function inputTokens(usage: Usage): number {
  return (
    usage.input +
    usage.cacheRead +
    (usage.cacheWrite5m ?? 0) +
    (usage.cacheWrite1h ?? 0) +
    usage.audioInput +
    (usage.audioCacheRead ?? 0)
  );
}

/** All output in tokens, whatever it is billed as; images are no tokens. */
export function outputTokens(usage: Usage): number {
  return usage.output + usage.reasoning + usage.audioOutput;
}

/** What one attempt used and cost, settled once. */
export interface Settlement {
  usage: Usage;
  /** Provider: the vendor's numbers. Estimated: ours. None: proof that no work was done, or work that is free. Unknown: unmetered path. */
  source: 'Provider' | 'Estimated' | 'None' | 'Unknown';
  /** The vendor's usage object as it sent it. */
  raw?: unknown;
  /** Nano-USD (1e-9 US dollar), rounded half up once; absent when the price is unknown. */
  costNanoUsd?: bigint;
}
