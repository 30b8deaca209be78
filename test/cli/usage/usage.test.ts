import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readOptions } from '../../../cli/usage/options.ts';
import { allCrds } from '../../../crds/definitions.ts';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { configMapStore } from '../../../operator/ledger/config-map-store.ts';
import { Ledger } from '../../../operator/ledger/ledger.ts';
import { usd } from '../../../operator/ledger/usage-report.ts';
import { Cluster } from '../../operator/support/cluster.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-11-20T12:00:00Z');
const directory = mkdtempSync(path.join(tmpdir(), 'usage-'));

let api: ApiServer;
let cluster: Cluster;
let kubeconfig: string;

beforeAll(async () => {
  api = await startApiServer({ crds: allCrds() });
  cluster = await Cluster.on(api);
  await cluster.namespace('outrider-system');
  kubeconfig = path.join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfig());
  let now = NOW - 5 * DAY;
  const ledger = new Ledger({
    store: configMapStore(cluster.api, 'outrider-system', 'outrider-ledger'),
    now: () => now,
    lives: () => true,
    onProblem: (what, error) => {
      throw new Error(what, { cause: error });
    },
  });
  await ledger.open();
  let seq = 0;
  const spend = (
    namespace: string,
    route: string,
    model: string,
    nano: number,
    saved = 0,
    more: object = {},
  ) =>
    ledger.accept({ uid: 'p', namespace }, 'e', [
      {
        type: 'Attempt',
        seq: ++seq,
        at: now,
        route: `${namespace}/${route}`,
        provider: 'provider/shop/openai',
        model,
        outcome: 'Ok',
        source: 'Provider',
        usage: { input: 100, cacheRead: 50, output: 20, reasoning: 5, audioInput: 0, audioOutput: 0 },
        costNanoUsd: String(nano),
        savedNanoUsd: String(saved),
        ...more,
      },
    ]);
  spend('shop', 'assistant', 'large', 2_500_000_000);
  now = NOW - DAY;
  await ledger.flush();
  spend('shop', 'assistant', 'small', 1_000_000, 9_000_000);
  spend('shop', 'assistant', 'small', 1_000_001, 9_000_000, { outcome: 'Failed' });
  now = NOW;
  spend('team, "b"', 'chat', '=cmd()', 7, 0, {
    costNanoUsd: undefined,
    key: 'research',
    purpose: 'Summary',
    savedTokens: 70,
  });
  await ledger.flush();
});

afterAll(async () => {
  await cluster.stop();
  await api.close();
});

/** As typed. */
function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const all = ['cli/main.ts', 'usage', '--kubeconfig', kubeconfig, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, all, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

const NOVEMBER = ['--from', '2026-11-01', '--to', '2026-11-30'];

describe('outrider usage', () => {
  it('prints a table of days that are closed and days that are open', async () => {
    const { code, stdout } = await run(...NOVEMBER, '--by', 'day,model');
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'DAY         MODEL   ATTEMPTS  FAILED  INPUT  CACHED  OUTPUT     COST USD  WOULD HAVE COST  SAVED  NOT SENT',
        '2026-11-15  large          1       0    150      50      25         2.50             2.50   0.00         0',
        '2026-11-19  small          2       1    300     100      50  0.002000001      0.020000001  0.018         0',
        '2026-11-20  =cmd()         1       0    150      50      25         0.00             0.00   0.00        70',
        'TOTAL                      4       1    600     200     100  2.502000001      2.520000001  0.018        70',
        '',
        '1 attempts have no known price and are not in the cost',
        '',
      ].join('\n'),
    );
  });

  it('writes CSV that spreadsheets read as text and numbers', async () => {
    const { stdout } = await run(...NOVEMBER, '-o', 'csv', '--by', 'namespace,model', '-n', 'team, "b"');
    expect(stdout.split('\r\n')).toEqual([
      'namespace,model,attempts,failed,estimated,unpriced,inputTokens,cachedTokens,outputTokens,costUsd,wouldHaveCostUsd,savedUsd,savedTokens',
      `"team, ""b""",'=cmd(),1,0,0,1,150,50,25,0.00,0.00,0.00,70`,
      '',
    ]);
  });

  it('writes JSON by falling cost, with the sum', async () => {
    const { stdout } = await run('--from', '2026-11-16', '--to', '2026-11-19', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      lines: [{ by: { namespace: 'shop', route: 'shop/assistant' }, attempts: 2, costUsd: '0.002000001' }],
      total: { attempts: 2, savedUsd: '0.018' },
    });
  });

  it('tells apart whom it is charged to, and what sidecars asked for themselves', async () => {
    const { stdout } = await run('--from', '2026-11-20', '--to', '2026-11-20', '--by', 'key,purpose');
    expect(stdout.split('\n')[1]).toMatch(/^research {2}Summary +1 /);
  });

  it('says where it looked when there is nothing', async () => {
    const { code, stderr } = await run('--from', '2020-01-01', '--to', '2020-01-31');
    expect(code).toBe(0);
    expect(stderr).toContain('outrider-system has no ledger outrider-ledger');
  });

  it('says what is wrong when it cannot look', async () => {
    const { code, stderr } = await run('--kubeconfig', path.join(directory, 'none'));
    expect(code).toBe(2);
    expect(stderr).toContain('the ledger cannot be read: ENOENT');
  });

  it('asks for this month unless told', () => {
    expect(readOptions([], {}, NOW)).toMatchObject({
      from: '2026-11-01',
      to: '2026-11-20',
      by: ['namespace', 'route'],
    });
    expect(() => readOptions(['--from', '2026-02-30'], {}, NOW)).toThrow('must be a day');
    expect(() => readOptions(['--from', '2026-12-01'], {}, NOW)).toThrow(
      '--from is 2026-12-01, after the last day, 2026-11-20',
    );
    expect(() => readOptions(['--by', 'team'], {}, NOW)).toThrow(
      '--by has "team"; there are day, namespace, route, provider, model, key, purpose',
    );
  });
});

it.each([
  [0n, '0.00'],
  [1n, '0.000000001'],
  [10_000_000n, '0.01'],
  [1_500_000_000n, '1.50'],
  [12_345_678_900_000_000_001n, '12345678900.000000001'],
])('%s nano-USD are %s', (nano, text) => expect(usd(nano)).toBe(text));
