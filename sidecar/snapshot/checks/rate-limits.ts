/** Checks of limits of rates. */
import { all, type Check, distinct, integer, list, oneOf, shape, text, wrong } from '../check.ts';
import type { RateKeyPart, RateLimitBody } from '../shapes/rate-limits.ts';

/** A rule's own, and those of every policy over it. */
const MAX_LIMITS = 64;
const MOST = 1_000_000_000;
const MOST_CALLS = 100_000;
/** A request waits in memory, and its caller for it. */
const LONGEST_WAIT_MS = 600_000;

const id = text(
  640,
  /^(route\/[a-z0-9.-]+\/[a-z0-9.-]+\/[a-z0-9-]+|policy\/[a-z0-9.-]+\/[a-z0-9.-]+)\/[a-z0-9-]+$/,
  'route/<ns>/<name>/<rule>/<limit> or policy/<ns>/<name>/<limit>',
);

const keyPart: Check = all(
  shape(
    { by: oneOf(['Namespace', 'Workload', 'Header']) },
    { header: text(64, /^[a-z0-9!#$%&'*+\-.^_`|~]+$/, 'the name of a header in lower-case') },
  ),
  (value, path) => {
    const { by, header } = value as Extract<RateKeyPart, { by: 'Header' }>;
    if (((by as string) === 'Header') === (header !== undefined)) return undefined;
    return wrong(`${path}.header`, header, (by as string) === 'Header' ? 'set' : 'absent');
  },
);

const rate: Check = all(
  shape(
    {
      of: oneOf(['Requests', 'Tokens']),
      amount: integer(1, MOST),
      per: oneOf(['Second', 'Minute', 'Hour', 'Day']),
    },
    { burst: integer(1, MOST) },
  ),
  (value, path) => {
    const { burst = 1, amount } = value as NonNullable<RateLimitBody['rate']>;
    return burst <= amount ? undefined : wrong(`${path}.burst`, burst, `at most ${amount}`);
  },
);

const weights = all(
  list(shape({ value: text(512), weight: integer(1, 1000) }), 100),
  distinct((of: { value: string }) => of.value, 'the key'),
);

const rateLimit: Check = all(
  shape(
    {
      id,
      key: list(keyPart, 4),
      maxKeys: integer(1, 10_000),
      maxWaitMs: integer(0, LONGEST_WAIT_MS),
    },
    {
      rate,
      concurrency: integer(1, MOST_CALLS),
      fair: shape({ by: list(keyPart, 4, 1), weights }),
    },
  ),
  (value, path) => {
    const { rate: of, concurrency, fair } = value as RateLimitBody;
    if (fair && of === undefined) return wrong(`${path}.fair`, fair, 'absent: only rates are shared by it');
    return of === undefined && concurrency === undefined
      ? wrong(path, value, 'a limit of requests, tokens or concurrency')
      : undefined;
  },
);

export const rateLimits: Check = all(
  list(rateLimit, MAX_LIMITS, 1),
  distinct((of: RateLimitBody) => of.id, 'limit'),
);
