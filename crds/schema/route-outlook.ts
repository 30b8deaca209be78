/** What changes the order of targets besides the strategy: how full one is, and where it is. */
import { z } from 'zod';
import { cel, duration } from '../common.ts';

export const spillover = z
  .strictObject({
    queueDepth: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe(
        'Requests that wait at the server, as it tells itself (vLLM, SGLang, TGI and llama.cpp at /metrics); of servers that do not tell, requests of this pod that are under way there.',
      ),
    latency: duration
      .optional()
      .describe('Time that answers take to begin, on average of late, as this pod sees it; at most 1h.'),
  })
  .meta(
    cel({
      rule: 'has(self.queueDepth) || has(self.latency)',
      message: 'at least one of queueDepth and latency is required',
    }),
  );

/** Over the targets of a rule. */
export const spilloverRule = {
  rule: 'self.size() > 1 || self.all(t, !has(t.spillover))',
  message: 'spillover needs another target to spill to',
};

export const locality = z.strictObject({
  prefer: z
    .enum(['SameRegion'])
    .describe(
      'SameRegion: among targets of one priority, those whose provider has the region of the pod come first as long as nothing speaks against them.',
    ),
});
