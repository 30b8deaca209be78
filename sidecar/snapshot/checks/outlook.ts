/** Checks of what changes the order of targets, and of active health checks. */
import { all, type Check, integer, only, shape, text } from '../check.ts';
import type { ActiveCheckBody, SpilloverBody } from '../shapes/outlook.ts';

const LONGEST_MS = 3_600_000;

export const spillover: Check = all(
  shape({}, { queueDepth: integer(1, 1_000_000), latencyMs: integer(1, LONGEST_MS) }),
  (value, path) =>
    Object.keys(value as SpilloverBody).length > 0 ? undefined : `${path} needs queueDepth or latency`,
);

export const locality: Check = shape({ prefer: only('SameRegion') });

export const activeCheck: Check = all(
  shape(
    {
      intervalMs: integer(1_000, LONGEST_MS),
      timeoutMs: integer(1, 60_000),
      unhealthyAfter: integer(1, 100),
      healthyAfter: integer(1, 100),
    },
    {
      path: text(512, /^\/[A-Za-z0-9\-._~%/]*$/, 'a path that begins with /, without a query'),
      model: text(256),
    },
  ),
  (value, path) => {
    const { path: asked, model } = value as ActiveCheckBody;
    return (asked === undefined) === (model === undefined) ? `${path} needs either path or model` : undefined;
  },
);
