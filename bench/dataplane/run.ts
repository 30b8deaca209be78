/**
 * The data plane against its bars, in one run: direct to the upstream, through `http-proxy-3` with a keep-alive agent, and
 * through the bundled sidecar with metrics and log on and 5 % of traces sampled. Writes a Markdown table.
 *
 *   node bench/dataplane/run.ts
 */

import { cpus, loadavg } from 'node:os';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../scripts/node-flags.ts';
import { interleave, MANY, median, paired, ratioOf, type Sample, type Side } from './compare.ts';
import { busy, idle, largePrompts, openStreams } from './memory.ts';
import { type Setup, setUp } from './setup.ts';
import { interval, quantile } from './statistics.ts';

interface Row {
  what: string;
  figure: string;
  bar: string;
  met: boolean | undefined;
}

const rows: Row[] = [];
const report = (what: string, figure: string, bar = '', met?: boolean): void => {
  rows.push({ what, figure, bar, met });
  const verdict = met === undefined ? '' : met ? 'met' : 'NOT MET';
  console.log([what.padEnd(58), figure.padEnd(44), bar.padEnd(12), verdict].join(' '));
};
const us = (value: number): string => `${value.toFixed(1)} µs`;
const ms = (value: number): string => `${value.toFixed(3)} ms`;
const mib = (value: number): string => `${value.toFixed(1)} MiB`;

const TRANSPORTS = ['plain', 'tls'] as const;
type Transport = (typeof TRANSPORTS)[number];

const sidesOf = (setup: Setup, transport: Transport): Side[] => [
  { child: setup.peer[transport], port: setup.peerPorts[transport], model: transport },
  { child: setup.sidecar.child, port: setup.sidecar.port, model: transport },
];

/**
 * Two processes of the same code differ by more than two samples of one: where its compiler and its collector happen to be. So each
 * round has processes of its own, and the interval is over the rounds.
 */
const ROUNDS = 8;

/** Returns the last of the setups, warm, for what is measured after. */
async function costs(): Promise<Setup> {
  const all = TRANSPORTS.map((transport) => ({
    transport,
    peer: [] as Sample[],
    ours: [] as Sample[],
    ratios: [] as number[],
  }));
  const job = { requests: 1000, connections: 16, bytes: 2048, stream: false };
  for (let round = 1; ; round++) {
    const setup = await setUp();
    try {
      for (const one of all) {
        const [peer = [], ours = []] = await interleave(setup, sidesOf(setup, one.transport), job, MANY);
        one.peer.push(...peer);
        one.ours.push(...ours);
        one.ratios.push(ratioOf(ours, peer));
      }
    } catch (error) {
      await setup.stop();
      throw error;
    }
    if (round === ROUNDS) {
      for (const one of all) reportCosts(one);
      return setup;
    }
    await setup.stop();
  }
}

interface Costs {
  transport: Transport;
  peer: readonly Sample[];
  ours: readonly Sample[];
  /** Of each round. */
  ratios: readonly number[];
}

function reportCosts({ transport, peer, ours, ratios }: Costs): void {
  const { mean, low, high } = interval(ratios);
  report(`CPU per 2 KB request, ${transport}: http-proxy-3`, us(median(peer, 'cpu')));
  report(`CPU per 2 KB request, ${transport}: outrider`, us(median(ours, 'cpu')));
  const figure = `${mean.toFixed(3)} (95 %: ${low.toFixed(3)} to ${high.toFixed(3)})`;
  report(`  ratio over ${ROUNDS} processes, upper bound`, figure, '<= 1.25', high <= 1.25);
  report('  each', ratios.map((ratio) => ratio.toFixed(2)).join(' '));
}

async function chunks(setup: Setup): Promise<void> {
  const job = { requests: 200, connections: 8, bytes: 2048, stream: true };
  const perThousand = (samples: readonly Sample[]): string => us((median(samples, 'cpu') / 53) * 1000);
  for (const transport of TRANSPORTS) {
    const [peer = [], ours = []] = await interleave(setup, sidesOf(setup, transport), job);
    report(`CPU per 1,000 stream chunks, ${transport}: http-proxy-3`, perThousand(peer));
    report(`CPU per 1,000 stream chunks, ${transport}: outrider`, perThousand(ours));
  }
}

async function latencies(setup: Setup): Promise<void> {
  const sides: Side[] = [
    { child: undefined, port: setup.direct, model: 'plain' },
    { child: setup.peer.plain, port: setup.peerPorts.plain, model: 'plain' },
    { child: setup.sidecar.child, port: setup.sidecar.port, model: 'plain' },
  ];
  for (const stream of [false, true]) {
    const job = { requests: 400, connections: 1, bytes: 2048, stream };
    const [direct = [], peer = [], ours = []] = await interleave(setup, sides, job);
    const what = stream ? 'first stream event' : '2 KB request';
    for (const key of ['p50', 'p99'] as const) {
      const added = paired(ours, direct, (a, b) => a[key] - b[key]);
      const theirs = paired(peer, direct, (a, b) => a[key] - b[key]);
      const bar = key === 'p99' ? undefined : stream ? 0.5 : 0.3;
      report(`${what}, added ${key}: http-proxy-3`, ms(theirs.mean));
      const met = bar === undefined ? undefined : added.mean <= bar;
      report(`${what}, added ${key}: outrider`, ms(added.mean), bar === undefined ? '' : `<= ${bar} ms`, met);
    }
  }
}

async function memory(setup: Setup): Promise<void> {
  const [without, withExporter] = await idle(setup);
  report('RSS idle, no exporter', mib(without), '<= 64 MiB', without <= 64);
  report('RSS idle, with exporter', mib(withExporter), '<= 80 MiB', withExporter <= 80);
  const full = await busy(setup);
  report('RSS peak at full small-request load', mib(full), '<= 100 MiB', full <= 100);
  const streams = await openStreams(setup);
  const open = streams.open === 1000;
  report(
    'RSS peak, 1,000 open streams of 100 KB requests',
    `${mib(streams.peak)}, ${streams.open} open`,
    '<= 150 MiB',
    open && streams.peak <= 150,
  );
  const large = await largePrompts(setup);
  const clean = Object.keys(large.statuses).every((status) => status === '200' || status === '503');
  report(
    'RSS peak, 64 parallel 3 MB prompts',
    `${mib(large.peak)}, ${JSON.stringify(large.statuses)}`,
    '<= 160 MiB',
    clean && large.peak <= 160,
  );
}

async function starts(setup: Setup): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < 10; i++) {
    const sidecar = await setup.startAnotherSidecar();
    times.push(sidecar.startMs);
    await sidecar.child.stop();
  }
  const middle = quantile(times, 0.5);
  report(
    'start to ready, configuration from the operator',
    `${middle.toFixed(0)} ms (worst ${Math.max(...times).toFixed(0)})`,
    '<= 400 ms',
    middle <= 400,
  );
}

const variables = Object.entries(NODE_ENVIRONMENT.sidecar).map(([name, value]) => `${name}=${value}`);
console.log(`Node ${process.version}, ${[...NODE_FLAGS.sidecar, ...variables].join(' ')}`);
console.log(
  `${cpus().length} CPUs, load average before ${loadavg()
    .map((l) => l.toFixed(1))
    .join(' ')}\n`,
);
const setup = await costs();
try {
  await chunks(setup);
  await latencies(setup);
  await starts(setup);
  await memory(setup);
} finally {
  await setup.stop();
}
console.log(
  `\nload average after ${loadavg()
    .map((l) => l.toFixed(1))
    .join(' ')}`,
);
console.log(`\n| measurement | figure | bar | |\n|---|---|---|---|`);
for (const { what, figure, bar, met } of rows) {
  console.log(
    `| ${what.trim()} | ${figure} | ${bar} | ${met === undefined ? '' : met ? 'met' : '**not met**'} |`,
  );
}
process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0;
process.exit();
