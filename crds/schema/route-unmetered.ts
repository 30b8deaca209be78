/** What becomes of requests under a budget whose cost nobody can tell. */
import { z } from 'zod';

export const unmetered = z
  .enum(['Refuse', 'Allow'])
  .optional()
  .describe(
    "Requests whose cost nobody can tell (passed through unread, or of a model without a price) where a budget stops what exceeds it. Allow: they pass budgets of the route's own namespace, uncounted; budgets of policies elsewhere refuse them all the same. Unset: Refuse.",
  );
