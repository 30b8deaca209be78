import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { injectionPage } from '../../../operator/inject/generate-reference.ts';

/** `UPDATE_GOLDEN=1` writes the page. */
it('the reference page says what the tables say', () => {
  const page = new URL('../../../docs/reference/injection.md', import.meta.url);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(page, injectionPage());
  expect(readFileSync(page, 'utf8')).toBe(injectionPage());
});
