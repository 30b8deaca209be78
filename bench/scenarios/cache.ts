/** Answers that are given again, and a store to share them through that takes connections and never says a word. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { Snapshot } from '../../sidecar/snapshot/schema.ts';
import { providerItem, routeItem, rule, target } from '../../test/sidecar/support/configuration.ts';
import { quantile } from '../dataplane/statistics.ts';
import type { Sample } from './load.ts';
import type { Figure, RunningSidecar, Scenario, Stage } from './scenario.ts';

const HIT_BAR_MS = 0.5;
const HUNG_BAR_MS = 5;
/** Every request a connection at rest: what is measured is the answer, not a queue. */
const PER_SECOND = 150;
const SECONDS = 12;
const WARM_UP_MS = 4000;

export const CACHE: Scenario = {
  name: 'cache',
  about: 'hits of the exact cache, and what a store that hangs adds to those who miss',
  async run(stage): Promise<Figure[]> {
    const providers = await stage.providers({ main: { firstTokenMs: 5 } });
    const url = providers.urls['main'] ?? '';
    const alone = await stage.sidecar(items(url));
    const hits = await asked(stage, 'hits', alone, () => ({ stream: false }));
    const streams = await asked(stage, 'hits, streams', alone, () => ({ stream: true }));
    const without = await asked(stage, 'misses', alone, (index) => ({ stream: false, seed: index }));
    const hung = await hangingStore();
    process.env['OUTRIDER_CACHE_URL'] = hung.url;
    try {
      const sharing = await stage.sidecar(items(url));
      const beside = await asked(stage, 'misses beside a store that hangs', sharing, (index) => ({
        stream: false,
        seed: index,
      }));
      const added = at(beside, 99) - at(without, 99);
      return [
        ...times('hit', hits, HIT_BAR_MS),
        ...times('hit, stream', streams, HIT_BAR_MS),
        { what: 'miss, p50 and p99', value: `${shown(at(without, 50))}, ${shown(at(without, 99))}` },
        {
          what: 'miss beside a hung store, p50 and p99',
          value: `${shown(at(beside, 50))}, ${shown(at(beside, 99))}`,
        },
        {
          what: 'added at p99 by a hung store',
          value: shown(added),
          bar: `<= ${HUNG_BAR_MS} ms`,
          met: added <= HUNG_BAR_MS,
        },
        {
          what: 'answers that were not whole beside it',
          value: String(beside.filter(({ status }) => status !== 200).length),
          bar: '0',
          met: beside.every(({ status }) => status === 200),
        },
      ];
    } finally {
      delete process.env['OUTRIDER_CACHE_URL'];
      hung.close();
    }
  },
};

function items(url: string): Snapshot['items'] {
  const cache = {
    exact: { singleFlight: true },
    ttlMs: 3_600_000,
    maxAnswerBytes: 1024 * 1024,
    scope: { type: 'Namespace' as const, headers: [] },
    sampled: 'Allow' as const,
  };
  return [
    providerItem('main', url),
    { ...routeItem('r', ['m'], [rule([target('main')], { cache })]), requires: ['cache'] },
  ];
}

/** Those after the warm-up. */
async function asked(
  stage: Stage,
  what: string,
  sidecar: RunningSidecar,
  body: (index: number) => { stream: boolean },
): Promise<Sample[]> {
  stage.note(`${what}: ${SECONDS} s`);
  const { stream } = body(0);
  const samples = await sidecar.drive({ perSecond: PER_SECOND, durationMs: SECONDS * 1000, stream, body });
  return samples.filter((sample) => sample.at > WARM_UP_MS);
}

async function hangingStore(): Promise<{ url: string; close: () => void }> {
  const server = createServer((socket) => {
    socket.resume();
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `redis://127.0.0.1:${port}`, close: () => void server.close() };
}

const at = (samples: readonly Sample[], rank: number): number =>
  quantile(
    samples.map(({ totalMs }) => totalMs),
    rank / 100,
  );
const shown = (ms: number): string => `${ms.toFixed(2)} ms`;

function times(what: string, samples: readonly Sample[], bar: number): Figure[] {
  const median = at(samples, 50);
  return [
    { what: `${what}, p50`, value: shown(median), bar: `<= ${bar} ms`, met: median <= bar },
    { what: `${what}, p99`, value: shown(at(samples, 99)) },
  ];
}
