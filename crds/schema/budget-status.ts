/** What was spent of budgets: the same in the status of routes and of policies. */
import { z } from 'zod';
import { mapList } from '../common.ts';

export const budgetStatuses = z
  .array(
    z.strictObject({
      name: z.string().max(63).describe('Name of the budget.'),
      key: z.string().max(512).describe('Whose spend it is; empty where nothing is told apart.'),
      window: z.iso
        .datetime({ offset: true })
        .describe('When the present window began; of a rolling one, the oldest that counts.'),
      spent: z
        .string()
        .max(32)
        .describe('US dollars that are counted, and what was lent and never accounted for.'),
      amount: z.string().max(32).describe('US dollars that may be spent.'),
      percent: z.int().min(0).describe('Whole percent of the amount that is spent, rounded down.'),
    }),
  )
  .max(64)
  .optional()
  .describe(
    'What was spent, of the keys that are nearest to their amounts; brought up to date once a minute.',
  )
  .meta(mapList('name', 'key'));
