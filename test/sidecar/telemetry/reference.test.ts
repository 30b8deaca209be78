import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { telemetryPage } from '../../../sidecar/telemetry/generate-reference.ts';

/** `UPDATE_GOLDEN=1` writes the page. */
it('the reference page says what the tables say', () => {
  const page = new URL('../../../docs/reference/telemetry.md', import.meta.url);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(page, telemetryPage());
  expect(readFileSync(page, 'utf8')).toBe(telemetryPage());
});
