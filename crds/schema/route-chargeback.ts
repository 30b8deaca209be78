/** Whom the cost of a route is charged to, besides the namespace of the pod. */
import { z } from 'zod';
import { atomicList, cel, headerName } from '../common.ts';
import { keyHeader } from './key-header.ts';

const keyPart = z
  .strictObject({
    by: z
      .enum(['Workload', 'Header'])
      .describe(
        "Workload: the Deployment, StatefulSet, DaemonSet or Job that owns the pod. Header: a header of the caller's request.",
      ),
    header: headerName
      .optional()
      .describe('Name of the header; for by Header. A request without it has an empty value.'),
  })
  .meta(cel(keyHeader));

export const chargeback = z
  .strictObject({
    key: z
      .array(keyPart)
      .min(1)
      .max(4)
      .describe(
        'What usage is told apart by, besides namespace, route, provider and model; values are joined by `/`.',
      )
      .meta(atomicList),
  })
  .optional()
  .describe(
    'Whom usage is charged to in reports (`outrider usage --by key`). Unset: the key of the first budget over a request; without one, nobody is told apart.',
  );
