import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allCrds } from '../../../crds/definitions.ts';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { configMapStore } from '../../../operator/ledger/config-map-store.ts';
import { Ledger } from '../../../operator/ledger/ledger.ts';
import { RowSpool } from '../../../sidecar/accounting/row-spool.ts';
import type { Row } from '../../../sidecar/accounting/rows.ts';
import { Cluster } from '../support/cluster.ts';
import { until } from '../support/manual-clock.ts';

let api: ApiServer;
let cluster: Cluster;

beforeEach(async () => {
  api = await startApiServer({ crds: allCrds() });
  cluster = await Cluster.on(api);
  await cluster.namespace('shop');
  await cluster.namespace('outrider-system');
});

afterEach(async () => {
  await cluster.stop();
  await api.close();
});

const row = (costNanoUsd: string): Row => ({
  type: 'Attempt',
  request: 'r',
  attempt: 0,
  at: Date.now(),
  operation: 'chat',
  route: 'shop/assistant',
  rule: 'all',
  target: 'main',
  provider: 'provider/shop/openai',
  model: 'gpt-5-mini',
  kind: 'First',
  outcome: 'Ok',
  source: 'Provider',
  usage: { input: 10, cacheRead: 0, audioInput: 0, output: 5, reasoning: 0, audioOutput: 0 },
  costNanoUsd,
});

const ledger = { namespace: 'outrider-system', name: 'outrider-ledger' };

/** What anybody reads who knows where it is kept. */
async function kept(): Promise<{ nanoUsd: bigint; rows: number }> {
  const reader = new Ledger({
    store: configMapStore(cluster.api, ledger.namespace, ledger.name),
    now: () => Date.now(),
    lives: () => true,
    onProblem: (_, error) => {
      throw error;
    },
  });
  await reader.open();
  const sum = { nanoUsd: 0n, rows: 0 };
  for (const day of reader.days()) {
    for (const { amounts } of (await reader.usage(day)) ?? []) {
      sum.nanoUsd += amounts.nanoUsd;
      sum.rows += amounts.rows;
    }
  }
  return sum;
}

describe('a running operator', () => {
  it('keeps what sidecars report, and its successor goes on from there', async () => {
    const first = await cluster.operator({ ledger });
    await first.ready;
    const pod = await cluster.pod('shop', 'web');
    const rows = new RowSpool();
    for (const cost of ['1', '20', '300']) rows.append(row(cost));
    const sidecar = await cluster.sidecar(first, pod, { rows, epoch: 'one' });
    await until(() => sidecar.holder.hash !== '', 'the first snapshot');
    await cluster.stopOperator(first);
    expect(await kept()).toEqual({ nanoUsd: 321n, rows: 3 });

    // The former leader wrote them and had no time to say so.
    expect(rows.size).toBe(3);
    const second = await cluster.operator({ ledger });
    await second.ready;
    const again = new RowSpool();
    for (const cost of ['1', '20', '300', '4000']) again.append(row(cost));
    await cluster.sidecar(second, pod, { rows: again, epoch: 'one' });
    await until(() => again.size === 1, 'the rows that were written to be acknowledged');
    const asked = async (query: string) => {
      const answer = await fetch(`http://127.0.0.1:${second.admin.port}/usage?${query}`);
      return [answer.status, await answer.text()] as const;
    };
    const [status, text] = await asked('by=route,model');
    expect(status).toBe(200);
    const { lines } = JSON.parse(text) as { lines: { by: object; costUsd: string }[] };
    expect(lines.map(({ by }) => by)).toEqual([{ route: 'shop/assistant', model: 'gpt-5-mini' }]);
    // The last row may have been written by now.
    expect(['0.000000321', '0.000004321']).toContain(lines[0]?.costUsd);
    expect(await asked('by=team')).toEqual([
      400,
      'by has "team"; there are day, namespace, route, provider, model, key, purpose\n',
    ]);
    await cluster.stopOperator(second);
    expect(await kept()).toEqual({ nanoUsd: 4321n, rows: 4 });
  });

  it('takes what an earlier process of the pod left, under its own epoch, and once', async () => {
    const operator = await cluster.operator({ ledger, reportIntervalMs: 200 });
    await operator.ready;
    const pod = await cluster.pod('shop', 'web');
    const left = (count: number) => Array.from({ length: count }, (_, i) => ({ ...row('100'), seq: i + 1 }));
    let forgotten = 0;
    const inheritedRows = (epoch: string, rows: ReturnType<typeof left>) => ({
      epoch,
      get size() {
        return rows.length;
      },
      pending: (limit: number) => rows.slice(0, limit),
      acknowledge: (seq: number) => void (rows = rows.filter((one) => one.seq > seq)),
      forget: () => Promise.resolve(void forgotten++),
    });
    const own = new RowSpool();
    own.append(row('1'));
    // The second of them is the first again: nobody had heard that it was counted.
    const inherited = [
      inheritedRows('old', left(2)),
      inheritedRows('older', left(3)),
      inheritedRows('old', left(2)),
    ];
    await cluster.sidecar(operator, pod, { rows: own, epoch: 'new', inherited });
    await until(() => forgotten === 3 && own.size === 0, 'everything to be acknowledged');
    await cluster.stopOperator(operator);
    expect(await kept()).toEqual({ nanoUsd: 501n, rows: 6 });
  });

  it('takes rows for counted where it is told to keep none', async () => {
    const operator = await cluster.operator();
    await operator.ready;
    const rows = new RowSpool();
    rows.append(row('1'));
    await cluster.sidecar(operator, await cluster.pod('shop', 'web'), { rows });
    await until(() => rows.size === 0, 'the row to be acknowledged');
    expect(await kept()).toEqual({ nanoUsd: 0n, rows: 0 });
  });
});
