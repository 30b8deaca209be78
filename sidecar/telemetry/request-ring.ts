/** The last finished requests, for the admin port. Bounded by count and by bytes; the oldest leave first. */
import type { RequestSummary } from './summary.ts';

export interface RingLimits {
  requests: number;
  bytes: number;
}

export const RING_LIMITS: RingLimits = { requests: 500, bytes: 1024 * 1024 };

export class RequestRing {
  readonly #limits: RingLimits;
  readonly #held = new Map<string, { summary: RequestSummary; bytes: number }>();
  #bytes = 0;

  constructor(limits: RingLimits = RING_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Estimate of what the held summaries take. */
  get bytes(): number {
    return this.#bytes;
  }

  add(summary: RequestSummary): void {
    this.#remove(summary.id);
    const bytes = sizeOf(summary);
    if (bytes > this.#limits.bytes || this.#limits.requests < 1) return;
    this.#held.set(summary.id, { summary, bytes });
    this.#bytes += bytes;
    for (const id of this.#held.keys()) {
      if (this.#held.size <= this.#limits.requests && this.#bytes <= this.#limits.bytes) break;
      this.#remove(id);
    }
  }

  get(id: string): RequestSummary | undefined {
    return this.#held.get(id)?.summary;
  }

  #remove(id: string): void {
    const held = this.#held.get(id);
    if (!held) return;
    this.#held.delete(id);
    this.#bytes -= held.bytes;
  }
}

const BASE = 1200;
const PER_ATTEMPT = 600;
const PER_ENTRY = 120;

/** From the parts that vary. Names of the configuration are shared strings; what callers and vendors wrote is not. */
function sizeOf(summary: RequestSummary): number {
  let bytes = BASE + 2 * (summary.id.length + summary.path.length + (summary.askedModel?.length ?? 0));
  bytes += summary.attempts.length * PER_ATTEMPT;
  for (const step of summary.steps) bytes += PER_ENTRY + 2 * step.what.length;
  for (const one of summary.considered) bytes += PER_ENTRY + 2 * one.detail.length;
  for (const text of summary.warningTexts) bytes += PER_ENTRY + 2 * text.length;
  return bytes;
}
