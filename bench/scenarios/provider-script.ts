/** How a scripted provider behaves until it is told otherwise. Times in milliseconds. */
export interface ProviderScript {
  /** Median time to the first token. */
  firstTokenMs: number;
  /** Deviation of its logarithm; default 0.1. */
  spread?: number;
  /** A share of the answers begins so late instead. */
  tail?: { share: number; firstTokenMs: number };
  /** Between tokens; default 2. */
  tokenMs?: number;
  /** Of one answer; default 20. */
  tokens?: number;
  /** Billed besides; default 0. */
  reasoningTokens?: number;
  /** Refuse: no connection. Blackhole: takes requests and never answers. Status: answers with `status`, default 503. */
  fault?: 'Refuse' | 'Blackhole' | 'Status';
  status?: number;
  /** With `Status`: in the `retry-after-ms` header. */
  retryAfterMs?: number;
  /** Answers 429 beyond so many requests per window and key; `of`: where it differs, by what the key ends with. */
  limit?: { requests: number; windowMs: number; of?: Record<string, number> };
}

/** What a provider has seen since it started. */
export interface ProviderCounts {
  requests: number;
  refused: number;
  answered: number;
  /** Connections whose answers were not taken to the end. */
  left: number;
}
