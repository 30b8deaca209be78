/** A place for batches that cannot be used, for now. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RunningLater, type RunningLaterOptions } from '../../../sidecar/batch/running.ts';
import { buildTable } from '../../../sidecar/routing/table.ts';
import { VirtualClock } from '../dispatch/virtual-clock.ts';
import { routeItem, rule, target } from '../support/configuration.ts';
import { BATCH, temporary } from './support.ts';

it('is tried again every few seconds, however often it was asked for meanwhile', async () => {
  const { path, remove } = await temporary();
  const clock = new VirtualClock();
  const said: string[] = [];
  const directory = join(path, 'file');
  await writeFile(directory, 'no directory');
  const later = new RunningLater({
    place: { directory },
    scope: 'shop/web',
    clock,
    warn: (message: string) => said.push(message),
  } as unknown as RunningLaterOptions);
  try {
    const { id, rank, models, generation, body } = routeItem(
      'assistant',
      ['assistant'],
      [rule([target('openai')], { batch: BATCH })],
    );
    const table = buildTable({
      hash: 'h',
      routes: [{ id, rank, models, generation, body, reason: undefined }],
      providers: new Map(),
    });
    for (let asked = 1; asked <= 3; asked++) {
      later.apply(table);
      await expect.poll(() => said.length).toBe(asked);
      await expect.poll(() => clock.pending).toBe(1);
    }
    clock.advance(5000);
    await expect.poll(() => said.length).toBe(4);
    await expect.poll(() => clock.pending).toBe(1);
  } finally {
    await later.stop();
    await remove();
  }
  expect(clock.pending).toBe(0);
});
