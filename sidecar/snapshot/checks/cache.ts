/** Checks of what a rule keeps of its answers. */
import {
  all,
  boolean,
  type Check,
  distinct,
  integer,
  list,
  oneOf,
  only,
  shape,
  text,
  wrong,
} from '../check.ts';
import type { TargetBody } from '../schema.ts';
import type { CacheBody } from '../shapes/cache.ts';

const WEEK_MS = 7 * 24 * 3_600_000;
const GIB = 1024 ** 3;
const header = text(64, /^[a-z0-9!#$%&'*+\-.^_`|~]+$/, 'a header name in lower-case');

/** `target` judges those of rules, and whom the cache asks for vectors like them. */
export const cache = (target: Check): Check =>
  all(
    shape(
      {
        ttlMs: integer(1, WEEK_MS),
        maxAnswerBytes: integer(1024, 16 * 1024 * 1024),
        scope: shape({
          type: oneOf(['Workload', 'Namespace', 'Route']),
          headers: all(
            list(header, 8),
            distinct((name: string) => name, 'header'),
          ),
        }),
      },
      {
        exact: shape({ singleFlight: boolean }),
        semantic: shape({
          embeddings: shape(
            {
              target: all(target, (value, path) =>
                (value as TargetBody).model === undefined
                  ? wrong(`${path}.model`, undefined, 'set')
                  : undefined,
              ),
              timeoutMs: integer(1, 30_000),
              maxInputTokens: integer(16, 8192),
            },
            { dimensions: integer(8, 4096) },
          ),
          minSimilarityPercent: integer(50, 100),
          maxEntries: integer(1, 10_000),
        }),
        maxBytes: integer(64 * 1024, GIB),
        sampled: only('Allow'),
        requestControl: only('Ignore'),
      },
    ),
    (value, path) => {
      const { exact, semantic } = value as CacheBody;
      return exact || semantic ? undefined : `${path} needs exact or semantic`;
    },
  );
