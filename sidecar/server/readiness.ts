/** Whether the pod may start its app, or take traffic: configuration is loaded, or waiting for it has been given up. */
import type { HolderStatus } from '../snapshot/holder.ts';

/** Wait: until configuration is there. Proceed: at most for a while; requests are answered 503 until it comes. */
export type StartupMode = 'Wait' | 'Proceed';

export const PROCEED_AFTER_MS = 30_000;

export interface Readiness {
  ready: boolean;
  state: 'ready' | 'degraded' | 'unconfigured' | 'waiting' | 'draining';
}

export function readiness(
  status: Pick<HolderStatus, 'origin' | 'degraded'>,
  mode: StartupMode,
  upMs: number,
  draining: boolean,
): Readiness {
  if (draining) return { ready: false, state: 'draining' };
  if (status.origin !== 'None') return { ready: true, state: status.degraded ? 'degraded' : 'ready' };
  if (mode === 'Proceed' && upMs >= PROCEED_AFTER_MS) return { ready: true, state: 'unconfigured' };
  return { ready: false, state: 'waiting' };
}
