/** Rows as sidecars write them. */
import type { Row } from '../../sidecar/accounting/rows.ts';

/** `index` decides what varies. */
export const rowOf = (index: number, nanoUsd: bigint, at: number, key = `user-${index % 97}`): Row => ({
  type: 'Attempt',
  request: `r${index}`,
  attempt: 0,
  at,
  operation: 'chat',
  route: `shop/assistant-${index % 7}`,
  rule: 'all',
  target: 'main',
  provider: 'provider/shop/openai',
  model: `model-${index % 5}`,
  kind: 'First',
  outcome: 'Ok',
  source: 'Provider',
  usage: {
    input: 1000 + (index % 13),
    cacheRead: 20,
    audioInput: 0,
    output: 300,
    reasoning: 0,
    audioOutput: 0,
  },
  costNanoUsd: nanoUsd.toString(),
  key,
});
