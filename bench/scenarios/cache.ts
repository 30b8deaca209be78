/** Answers that are given again, and a store to share them through that takes connections and never says a word. */
import { Agent, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { Snapshot } from '../../sidecar/snapshot/schema.ts';
import { providerItem, routeItem, rule, target } from '../../test/sidecar/support/configuration.ts';
import { quantile } from '../dataplane/statistics.ts';
import type { Figure, Scenario } from './scenario.ts';

const HIT_BAR_MS = 0.5;
const HUNG_BAR_MS = 5;
const WARM_UP = 2000;
const ROUNDS = 3000;
/** Each asks a provider, so there are fewer. */
const MISSES = 600;

export const CACHE: Scenario = {
  name: 'cache',
  about: 'hits of the exact cache, and what a store that hangs adds to those who miss',
  async run(stage): Promise<Figure[]> {
    const providers = await stage.providers({ main: { firstTokenMs: 2 } });
    const url = providers.urls['main'] ?? '';
    const alone = await stage.sidecar(items(url));
    const hung = await hangingStore();
    process.env['OUTRIDER_CACHE_URL'] = hung.url;
    try {
      const sharing = await stage.sidecar(items(url));
      const agent = new Agent({ keepAlive: true });
      const ask = (port: number, seed: number, stream = false) => once(agent, port, { seed, stream });
      const hits = { whole: [] as number[], stream: [] as number[] };
      stage.note(`${ROUNDS} hits of each kind, one after the other`);
      for (let i = -WARM_UP; i < ROUNDS; i++) {
        const whole = await ask(alone.port, 0);
        const stream = await ask(alone.port, 0, true);
        if (i < 0) continue;
        hits.whole.push(whole.ms);
        hits.stream.push(stream.ms);
      }
      stage.note(`${MISSES} misses, with and without a store that hangs in turn`);
      const misses = { alone: [] as number[], beside: [] as number[] };
      let broken = 0;
      for (let i = 1; i <= MISSES; i++) {
        misses.alone.push((await ask(alone.port, i)).ms);
        const beside = await ask(sharing.port, i);
        misses.beside.push(beside.ms);
        if (beside.status !== 200) broken++;
      }
      agent.destroy();
      const added = quantile(misses.beside, 0.99) - quantile(misses.alone, 0.99);
      return [
        ...times('hit', hits.whole),
        ...times('hit, stream', hits.stream),
        { what: 'miss, p50 and p99', value: both(misses.alone) },
        { what: 'miss beside a store that hangs, p50 and p99', value: both(misses.beside) },
        {
          what: 'added at p99 by a store that hangs',
          value: shown(added),
          bar: `<= ${HUNG_BAR_MS} ms`,
          met: added <= HUNG_BAR_MS,
        },
        { what: 'errors beside it', value: String(broken), bar: '0', met: broken === 0 },
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

function once(agent: Agent, port: number, more: object): Promise<{ ms: number; status: number }> {
  const body = JSON.stringify({
    model: 'm',
    messages: [{ role: 'user', content: 'What is new today?' }],
    ...more,
  });
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const req = request(
      {
        agent,
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (res) => {
        res.resume();
        res.on('end', () => resolve({ ms: performance.now() - began, status: res.statusCode ?? 0 }));
        res.on('error', reject);
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

async function hangingStore(): Promise<{ url: string; close: () => void }> {
  const server = createServer((socket) => {
    socket.resume();
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `redis://127.0.0.1:${port}`, close: () => void server.close() };
}

const shown = (ms: number): string => `${ms.toFixed(2)} ms`;
const both = (values: readonly number[]): string =>
  `${shown(quantile(values, 0.5))}, ${shown(quantile(values, 0.99))}`;

function times(what: string, values: readonly number[]): Figure[] {
  const median = quantile(values, 0.5);
  return [
    { what: `${what}, p50`, value: shown(median), bar: `<= ${HIT_BAR_MS} ms`, met: median <= HIT_BAR_MS },
    { what: `${what}, p99`, value: shown(quantile(values, 0.99)) },
  ];
}
