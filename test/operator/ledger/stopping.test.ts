import { describe, expect, it } from 'vitest';
import { alone } from '../../../operator/leader/leadership.ts';
import { LedgerKeeping } from '../../../operator/ledger/keeping.ts';
import type { ApiClient } from '../../../operator/watch/api-client.ts';
import { ApiError } from '../../../operator/watch/api-error.ts';
import { silentLog } from '../../../operator/watch/log.ts';
import { ManualClock, until } from '../support/manual-clock.ts';

/** Knows no ConfigMap, takes all that are written, and answers when it is told to. */
function slowApi() {
  const asked: string[] = [];
  let answer = () => {};
  let answering: Promise<void> = Promise.resolve();
  const client: Pick<ApiClient, 'json'> = {
    async json<T>({ method = 'GET', path }: { method?: string; path: string }): Promise<T> {
      asked.push(`${method} ${path}`);
      await answering;
      if (method === 'GET' && !path.endsWith('/configmaps')) throw new ApiError(404, 'NotFound', '');
      return { items: [], metadata: { resourceVersion: '1' } } as T;
    },
  };
  return {
    client: client as ApiClient,
    asked,
    hold: () => (answering = new Promise((resolve) => (answer = resolve))),
    release: () => answer(),
  };
}

describe('a ledger that is stopped while it is written', () => {
  it('plans nothing more and asks nothing more, so that the process can end', async () => {
    const clock = new ManualClock();
    const { client, asked, hold, release } = slowApi();
    const keeping = new LedgerKeeping(
      { namespace: 'outrider-system', name: 'ledger' },
      {
        client,
        clock,
        log: silentLog,
        lives: () => true,
        term: () => 1,
        budgetOf: () => undefined,
        metrics: { rows: () => {}, flushed: () => {} },
      },
    );
    void hold();
    keeping.start(alone);
    await until(() => asked.length > 0, 'the first read');
    const stopped = keeping.stop();
    release();
    await stopped;
    const before = asked.length;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(asked.slice(before)).toEqual([]);
    expect(clock.waits).toEqual([]);
    expect(keeping.leasing.isOpen).toBe(false);
  });
});
