/** What each pod says of one model at one provider, fading with time and bounded in weight, so that no pod speaks for many. */
import type { SightingReport } from '../../../sidecar/snapshot/fleet/providers.ts';
import { quantileOf, SKETCH_CLASSES } from '../../../sidecar/snapshot/fleet/sketch.ts';

/** Counts are worth half after this long. */
const HALF_LIFE_MS = 30_000;
/** What a pod said longer ago is not its word any more: one regular report and a half. */
export const HEARD_MS = 45_000;
/** Most that one pod's counts weigh in what is merged of all. */
const MAX_WEIGHT = 100;
const MIN_FAILED = 2;

/** Failures by which a provider is down; others are of keys and of requests. */
const DOWN_BY = ['Connect', 'Timeout', 'ServerError', 'StreamError'] as const;

export class Voice {
  readonly namespace: string;
  /** Monotonic milliseconds. */
  at: number;
  ok = 0;
  failed = 0;
  perMinute = 0;
  isOpen = false;
  isWorsening = false;
  headroom: number | undefined;
  readonly latency = new Float32Array(SKETCH_CLASSES);

  constructor(namespace: string, now: number) {
    this.namespace = namespace;
    this.at = now;
  }

  /** `ms`: what the counts of the report cover. */
  say(report: SightingReport, ms: number, now: number): void {
    const faded = 2 ** (-Math.max(0, now - this.at) / HALF_LIFE_MS);
    this.at = now;
    let failed = 0;
    for (const name of DOWN_BY) failed += report.errors[name] ?? 0;
    const attempts = report.ok + Object.values(report.errors).reduce((sum, count) => sum + count, 0);
    this.ok = this.ok * faded + report.ok;
    this.failed = this.failed * faded + failed;
    this.perMinute = ms > 0 ? (attempts * 60_000) / ms : 0;
    this.isOpen = report.open === true;
    this.isWorsening = report.worsening === true;
    this.headroom = report.headroom;
    const { latency } = this;
    for (let i = 0; i < latency.length; i++) latency[i] = (latency[i] ?? 0) * faded;
    for (let i = 0; i + 1 < report.latency.length; i += 2) {
      const at = report.latency[i] as number;
      latency[at] = (latency[at] ?? 0) + (report.latency[i + 1] as number);
    }
  }

  get saysDown(): boolean {
    return this.isOpen || (this.failed >= MIN_FAILED && this.failed >= this.ok);
  }

  /** Whether it saw anything at all that could say that the provider is well, or is not. */
  get hasSeen(): boolean {
    return this.isOpen || this.ok + this.failed >= 0.5;
  }

  get p50(): number | undefined {
    return quantileOf(this.latency, 0.5);
  }

  /** Adds what it saw, at its bounded weight, to `sum`. */
  addTo(sum: Float64Array): void {
    let own = 0;
    for (const count of this.latency) own += count;
    const scale = own > MAX_WEIGHT ? MAX_WEIGHT / own : 1;
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (this.latency[i] ?? 0) * scale;
  }
}
