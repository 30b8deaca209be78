/** Bounds of a number, one of which is enough. */
import { z } from 'zod';
import { cel } from '../common.ts';

/** `what`: the bound in words, such as `this many`. */
export const range = (most: number, what: string) =>
  z
    .strictObject({
      min: z.int().min(0).max(most).optional().describe(`At least ${what}.`),
      max: z.int().min(0).max(most).optional().describe(`At most ${what}.`),
    })
    .meta(
      cel(
        { rule: 'has(self.min) || has(self.max)', message: 'min or max is required' },
        {
          rule: '!has(self.min) || !has(self.max) || self.min <= self.max',
          message: 'min must not be greater than max',
          fieldPath: '.min',
        },
      ),
    );
