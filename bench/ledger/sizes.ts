/** How large objects become at the size that is promised, with names that do not compress; and how often they are written. */
import { createHash, randomUUID } from 'node:crypto';
import { Ledger, SHARDS } from '../../operator/ledger/ledger.ts';
import { MemoryStore } from '../../test/operator/ledger/memory-store.ts';
import type { Figure } from './figure.ts';
import { rowOf } from './sample-row.ts';

const PODS = 5_000;
const KEYS = 1_000;
/** Of an object, in the API: with its base64. */
const MOST_BYTES = 256 * 1024;
const DAY_MS = 86_400_000;

export async function measureSizes(): Promise<Figure[]> {
  const store = new MemoryStore();
  let now = Date.parse('2026-11-18T12:00:00Z');
  const problems: string[] = [];
  const ledger = new Ledger({
    store,
    now: () => now,
    lives: () => true,
    onProblem: (what, error) => problems.push(`${what}: ${String(error)}`),
  });
  await ledger.open();
  const pods = Array.from({ length: PODS }, (_, i) => ({ uid: randomUUID(), namespace: `team-${i % 40}` }));
  const charges = (key: string) => [{ budget: 'policy/platform/teams/monthly', key, window: 1_793_491_200 }];
  let sum = 0n;
  let seq = 0;
  const day = async (): Promise<void> => {
    for (const [i, pod] of pods.entries()) {
      const rows = [0, 1].map((n) => {
        const key = createHash('sha256')
          .update(`key ${(i * 2 + n) % KEYS}`)
          .digest('hex')
          .repeat(2);
        sum += 1_000_000n;
        return { ...rowOf(i, 1_000_000n, now, key), charges: charges(key), seq: seq + n + 1 };
      });
      ledger.accept(pod, 'epoch-of-a-process', rows);
    }
    seq += 2;
    await ledger.flush();
  };
  const before = store.writes;
  for (let i = 0; i < 3; i++) {
    await day();
    now += DAY_MS;
  }
  const writes = store.writes - before;
  // The last day closes.
  await ledger.flush();
  const atRest = store.writes;
  for (let i = 0; i < 5; i++) await ledger.flush();
  const sizes = [...store.objects.values()].map(({ bytes }) => Math.ceil(bytes.length / 3) * 4);
  const largest = Math.max(...sizes);
  let counted = 0n;
  for (const one of ledger.days()) {
    for (const { amounts } of (await ledger.usage(one)) ?? []) counted += amounts.nanoUsd;
  }
  return [
    {
      what: `largest object at ${PODS} pods and ${KEYS} keys of 128 random characters, three days`,
      value: `${(largest / 1024).toFixed(0)} KiB`,
      bar: '256 KiB',
      met: largest <= MOST_BYTES && problems.length === 0,
    },
    { what: 'difference of the sum, nano-USD', value: String(counted - sum), bar: '0', met: counted === sum },
    {
      what: 'writes in five flushes at rest',
      value: String(store.writes - atRest),
      bar: '0',
      met: store.writes === atRest,
    },
    {
      what: 'writes of three flushes under load, days closed among them',
      value: String(writes),
      bar: `${SHARDS} a flush, and 17 for a day`,
      met: writes <= 3 * SHARDS + 2 * (2 * SHARDS + 1),
    },
  ];
}
