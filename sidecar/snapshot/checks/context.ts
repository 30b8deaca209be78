/** Checks of how much of a conversation a rule sends. */
import { all, type Check, integer, only, shape, wrong } from '../check.ts';
import type { TargetBody } from '../schema.ts';
import type { ContextBody } from '../shapes/context.ts';

const tokens = integer(256, 100_000_000);
const turns = integer(1, 1000);

export const maxOutputTokens = integer(1, 100_000_000);

/** `target` judges those of rules, and whom a summary is asked of like them. */
export const context = (target: Check): Check =>
  all(
    shape(
      {},
      {
        keepLast: turns,
        maxTokens: tokens,
        summarize: shape(
          {
            target: all(target, (value, path) =>
              (value as TargetBody).model === undefined
                ? wrong(`${path}.model`, undefined, 'set')
                : undefined,
            ),
            timeoutMs: integer(1, 60_000),
            maxInputTokens: integer(256, 1_000_000),
            cacheMs: integer(0, 2_147_483_647),
            afterTokens: tokens,
            keepLast: turns,
            maxOutputTokens: integer(64, 4096),
          },
          { onFailure: only('Pass') },
        ),
      },
    ),
    (value, path) => {
      const { keepLast, maxTokens, summarize } = value as ContextBody;
      if (keepLast === undefined && maxTokens === undefined && summarize === undefined)
        return `${path} needs keepLast, summarize or maxTokens`;
      return keepLast !== undefined && summarize !== undefined
        ? `${path}.keepLast stands beside summarize, which has one of its own`
        : undefined;
    },
  );
