import type { CachedAnswer } from '../../../sidecar/cache/answer.ts';

export const answer = (more: Partial<CachedAnswer> = {}): CachedAnswer => ({
  headers: ['content-type', 'application/json'],
  body: Buffer.from('{"ok":true}'),
  streamed: false,
  target: 'main',
  provider: 'provider/shop/main',
  model: 'm',
  warnings: [],
  costNanoUsd: 1234n,
  at: Date.now(),
  expires: Date.now() + 60_000,
  ...more,
});
