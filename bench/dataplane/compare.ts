/** Interleaved pairs: what a request costs in the sidecar and in the peer, measured one after the other, many times. */
import type { Child } from './child.ts';
import type { Job, JobResult } from './load.ts';
import { cpuNanoseconds } from './process-meter.ts';
import type { Setup } from './setup.ts';
import { interval, quantile } from './statistics.ts';

/** How often each side has its turn, and how many jobs of its own come before: what is compared is code that its compiler is done with. */
export interface Rounds {
  pairs: number;
  warmUp: number;
}

/** Of jobs that take a second or more. */
export const FEW: Rounds = { pairs: 12, warmUp: 8 };
/** Of short ones: the shorter a sample, the more it shares with the one beside it of what else the machine does meanwhile. */
export const MANY: Rounds = { pairs: 12, warmUp: 30 };

export interface Side {
  child: Child | undefined;
  port: number;
  model: string;
}

export interface Sample {
  /** CPU microseconds per request in the measured process; 0 for the direct path. */
  cpu: number;
  p50: number;
  p99: number;
}

async function sample(setup: Setup, side: Side, job: Omit<Job, 'port' | 'model'>): Promise<Sample> {
  const before = side.child ? cpuNanoseconds(side.child.pid) : 0;
  const result: JobResult = await setup.load({ ...job, port: side.port, model: side.model });
  const after = side.child ? cpuNanoseconds(side.child.pid) : 0;
  if (result.errors > 0)
    throw new Error(`${result.errors} of ${job.requests} requests failed on port ${side.port}`);
  return {
    cpu: (after - before) / 1000 / job.requests,
    p50: quantile(result.latencies, 0.5),
    p99: quantile(result.latencies, 0.99),
  };
}

/** Samples of each side, taken in turn; the order alternates so that neither always comes second. */
export async function interleave(
  setup: Setup,
  sides: readonly Side[],
  job: Omit<Job, 'port' | 'model'>,
  { pairs, warmUp }: Rounds = FEW,
): Promise<Sample[][]> {
  for (let i = 0; i < warmUp; i++) for (const side of sides) await sample(setup, side, job);
  const samples: Sample[][] = sides.map(() => []);
  for (let pair = 0; pair < pairs; pair++) {
    const order = sides.map((_, i) => (pair % 2 === 0 ? i : sides.length - 1 - i));
    for (const i of order) samples[i]?.push(await sample(setup, sides[i] as Side, job));
  }
  return samples;
}

/** Ratio of CPU over an even number of pairs: whoever comes second meets what the first has left behind, and each is second as often. */
export function ratioOf(ours: readonly Sample[], theirs: readonly Sample[]): number {
  const sum = (samples: readonly Sample[]): number => samples.reduce((all, { cpu }) => all + cpu, 0);
  return sum(ours) / sum(theirs);
}

/** Mean and 95 % interval of `value(ours) op value(theirs)` over the pairs. */
export function paired(
  ours: readonly Sample[],
  theirs: readonly Sample[],
  combine: (a: Sample, b: Sample) => number,
): { mean: number; low: number; high: number } {
  return interval(ours.map((sampleOfOurs, i) => combine(sampleOfOurs, theirs[i] as Sample)));
}

export const median = (samples: readonly Sample[], key: keyof Sample): number =>
  quantile(
    samples.map((one) => one[key]),
    0.5,
  );
