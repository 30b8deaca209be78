/** A deferred request whose spool fails on the way. */
import { afterEach, describe, expect, it } from 'vitest';
import { AsyncWorker } from '../../../sidecar/batch/async-worker.ts';
import { newId } from '../../../sidecar/batch/ids.ts';
import { openDirectory } from '../../../sidecar/batch/media/directory.ts';
import type { AsyncRecord } from '../../../sidecar/batch/records.ts';
import { Spool } from '../../../sidecar/batch/spool.ts';
import { VirtualClock } from '../dispatch/virtual-clock.ts';
import { temporary } from './support.ts';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe.each([
  ['before it is sent', 'begin', 1],
  ['when its answer is there', 'answer', 2],
] as const)('a spool that fails %s', (_when, fails, sendings) => {
  it('leaves the request to be tried again', async () => {
    const { path, remove } = await temporary();
    closers.push(remove);
    const medium = await openDirectory(path);
    const clock = new VirtualClock();
    const spool = await Spool.open({ medium, maxBytes: 1000, warn: () => {} });
    const record: AsyncRecord = {
      id: newId('Async'),
      path: '/v1/chat/completions',
      rawHeaders: [],
      state: 'queued',
      createdAt: clock.wall(),
      expiresAt: clock.wall() + 3_600_000,
      bytes: 0,
    };
    await medium.replace(spool.name(record.id), '{}');
    await spool.save('Async', record);
    let full = true;
    const replace = medium.replace.bind(medium);
    medium.replace = (name, content) =>
      full && fails === 'begin' ? Promise.reject(new Error('gone')) : replace(name, content);
    if (fails === 'answer') spool.grow(1000);
    const warned: string[] = [];
    let sent = 0;
    const worker = new AsyncWorker({
      spool,
      clock,
      random: () => 0,
      warn: (message) => void warned.push(message),
      deliver: () => Promise.resolve(undefined),
      onEnd: () => {},
      onWebhook: () => {},
      send: () => {
        sent++;
        const body = Buffer.from('{}');
        const good = { errorCode: undefined, cancelled: false, overflown: false };
        return Promise.resolve({ status: 200, body, rawHeaders: [], ...good });
      },
    });
    closers.push(() => worker.stop());
    worker.wake();
    await expect.poll(() => warned.length).toBe(1);
    await expect.poll(() => clock.pending).toBe(1);
    expect(record.state).toBe('queued');
    full = false;
    if (fails === 'answer') spool.grow(-1000);
    clock.advance(60_000);
    await expect.poll(() => record.state).toBe('completed');
    expect(sent).toBe(sendings);
  });
});
