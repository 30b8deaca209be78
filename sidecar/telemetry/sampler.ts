/** Whether a request is traced: decided before anything else of a trace is computed. */
import type { TraceParent } from './trace-context.ts';

export interface SamplerSettings {
  /** A caller's own decision stands. */
  parentBased: boolean;
  /** Share of the traces that start here, 0 to 1. */
  ratio: number;
}

/**
 * By the last 56 bits of the trace id, which the standard wants random: every process with the same ratio decides the
 * same for the same trace. `tail`: the first 52 of them, all that a number holds exactly.
 */
export function isSampled(settings: SamplerSettings, parent: TraceParent | undefined, tail: number): boolean {
  if (settings.parentBased && parent !== undefined) return parent.sampled;
  if (settings.ratio >= 1) return true;
  if (settings.ratio <= 0) return false;
  return tail >= (1 - settings.ratio) * 2 ** 52;
}

/** The tail of a trace id given as hex digits. */
export const traceTail = (traceId: string): number => Number.parseInt(traceId.slice(18, 31), 16);
