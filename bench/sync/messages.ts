/** What the three processes of the sync bench tell each other. */
import type { Certificate } from '../../operator/sync/server.ts';

export interface OperatorSetup {
  kubeConfig: string;
  tls: Certificate;
  sidecars: number;
}

export interface SidecarsSetup {
  port: number;
  ca: string;
  tokens: string[];
}

/** Every sidecar acknowledged a state. Times are milliseconds of the machine's monotonic clock. */
export interface Acknowledged {
  type: 'acknowledged';
  publishedAt: number;
  times: number[];
  /** Items that do not run as sent, over all sidecars. */
  exceptions: number;
}

export type Told = { type: 'listening'; port: number } | { type: 'started' } | Acknowledged;

/** The same in every process of the machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function tell(message: Told): void {
  process.send?.(message);
}
