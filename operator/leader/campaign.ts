/** From settings to a replica's part in the election. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { ApiClient } from '../watch/api-client.ts';
import type { Log } from '../watch/log.ts';
import { Election, electionTiming } from './election.ts';
import type { Leadership } from './leadership.ts';
import { kubernetesLease } from './lease-store.ts';

export interface ElectionSettings {
  /** Of the Lease. */
  namespace: string;
  name: string;
  /** Names this replica to people who look at the Lease, such as the name of its pod. */
  replica: string;
  /** Where other replicas and sidecars reach this one, without a port: the IP of its pod. */
  host: string;
  /** 15 unless told. */
  leaseSeconds?: number;
  /** Leadership is lost for good; the process should end. */
  onLost: (reason: string) => void;
}

export interface CampaignOptions {
  client: ApiClient;
  clock: Clock;
  random: () => number;
  log: Log;
  /** Port at which reports are taken. */
  port: number;
  /** Resolves when this replica could lead: one that knows nothing yet must not. */
  ready: Promise<void>;
}

export function startCampaign(settings: ElectionSettings, options: CampaignOptions): Leadership {
  const { client, clock, random, log, port, ready } = options;
  const { host, leaseSeconds, onLost, replica } = settings;
  const election = new Election({
    lease: kubernetesLease(client, settings),
    identity: `${replica}_${randomUUID().slice(0, 8)}`,
    address: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    timing: electionTiming(leaseSeconds),
    clock,
    random,
    log,
    onLost,
  });
  void ready.then(() => election.start());
  return election;
}
