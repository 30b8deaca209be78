/**
 * An adaptive rule, three targets that differ only in how good their answers are, and users of whom half say so through
 * `POST /v1/feedback`: what the answers earn beside those of the best target, before and after the best and the worst swap.
 */
import { request } from 'node:http';
import { providerItem, routeItem, rule, target } from '../../test/sidecar/support/configuration.ts';
import { seeded } from '../../test/simulator/chance.ts';
import type { Sample } from './load.ts';
import { type Figure, failures, percent, type Scenario, shareOf } from './scenario.ts';

const PER_SECOND = 25;
const SWAP = 2000;
const REQUESTS = 4000;
const ADAPT = 500;
const SCORED = 0.5;

type Name = 'a' | 'b' | 'c';
/**
 * How often an answer is good. The cost is the same everywhere and takes 0.2 off. How long answers take is left out: what the
 * machine's other work adds to it would be part of what is learned, and of no figure here. Simulations have it.
 */
const BEFORE: Record<Name, number> = { a: 0.9, b: 0.75, c: 0.55 };
const AFTER: Record<Name, number> = { a: 0.55, b: 0.75, c: 0.9 };
const PAID = 0.2;
const BEST = 0.9 - PAID;

export const BANDIT: Scenario = {
  name: 'bandit',
  about:
    'an adaptive rule learns from feedback which of three targets is best, and learns it again after a swap',
  async run(stage): Promise<Figure[]> {
    const names: Name[] = ['a', 'b', 'c'];
    const script = { firstTokenMs: 20, tokenMs: 0, tokens: 20 };
    const { urls } = await stage.providers({ a: script, b: script, c: script });
    const prices = { input: 3_000_000, output: 3_000_000 };
    const models = [{ name: 'm', upstreamName: 'm', prices }];
    const adaptive = { cost: 20, latency: 0, minSharePercent: 1, memory: 300 };
    const sidecar = await stage.sidecar([
      ...names.map((name) => providerItem(name, urls[name] ?? '', { models, openModels: false })),
      routeItem(
        'bandit',
        ['m'],
        [
          rule(
            names.map((name) => target(name)),
            { strategy: { type: 'Adaptive', adaptive } },
          ),
        ],
      ),
    ]);
    const chance = seeded(1);
    const swapAt = (1000 * SWAP) / PER_SECOND;
    const statuses = new Map<number, number>();
    const posts: Promise<void>[] = [];
    const onSample = ({ id, at, target: served }: Sample): void => {
      const good = (at < swapAt ? BEFORE : AFTER)[served as Name];
      if (id === undefined || served === undefined || chance() >= SCORED) return;
      const score = chance() < good ? 1 : 0;
      posts.push(
        say(sidecar.port, { request_id: id, score }).then(
          (status) => void statuses.set(status, (statuses.get(status) ?? 0) + 1),
        ),
      );
    };
    const samples = await sidecar.drive({
      perSecond: PER_SECOND,
      durationMs: (1000 * REQUESTS) / PER_SECOND,
      onSample,
    });
    await Promise.all(posts);
    const earned = (from: number, to: number): number => {
      const truth = from < SWAP ? BEFORE : AFTER;
      const part = samples.slice(from, to);
      return (
        part.reduce((sum, { target: t }) => sum + (t === undefined ? 0 : truth[t as Name] - PAID), 0) /
        part.length /
        BEST
      );
    };
    const first = earned(0, SWAP);
    const again = earned(SWAP + ADAPT, REQUESTS);
    const failed = failures(samples);
    const refused = posts.length - (statuses.get(200) ?? 0);
    return [
      { what: 'requests that failed', value: failed.said, bar: '0', met: failed.count === 0 },
      {
        what: 'scores that were refused',
        value: `${refused} of ${posts.length}`,
        bar: '0',
        met: refused === 0,
      },
      {
        what: `earned in the first ${SWAP}, of what the best target earns`,
        value: percent(first),
        bar: '>= 90 %',
        met: first >= 0.9,
      },
      {
        what: `share of the best in the last 500 of them`,
        value: percent(shareOf(samples.slice(SWAP - 500, SWAP), 'a')),
      },
      { what: `earned in the ${ADAPT} after the swap`, value: percent(earned(SWAP, SWAP + ADAPT)) },
      { what: 'earned from then on', value: percent(again), bar: '>= 90 %', met: again >= 0.9 },
      { what: 'share of the best in the last 500', value: percent(shareOf(samples.slice(-500), 'c')) },
    ];
  },
};

/** Status of the answer; 0: none. */
function say(port: number, feedback: object): Promise<number> {
  const body = Buffer.from(JSON.stringify(feedback));
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  return new Promise((resolve) => {
    const req = request({ port, host: '127.0.0.1', method: 'POST', path: '/v1/feedback', headers }, (res) => {
      res.resume();
      res.on('end', () => resolve(res.statusCode ?? 0));
    });
    req.on('error', () => resolve(0));
    req.end(body);
  });
}
