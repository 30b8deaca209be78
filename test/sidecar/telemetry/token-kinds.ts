import type { Usage } from '../../../sidecar/accounting/usage.ts';

/** Kinds of tokens, as metrics and spans name them. */
export const KINDS = {
  input: 'input',
  cacheRead: 'cache_read',
  cacheWrite5m: 'cache_write_5m',
  cacheWrite1h: 'cache_write_1h',
  audioInput: 'audio_input',
  audioCacheRead: 'audio_cache_read',
  output: 'output',
  reasoning: 'reasoning',
  audioOutput: 'audio_output',
} as const satisfies Partial<Record<keyof Usage, string>>;
