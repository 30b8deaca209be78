/** The operator of the sync bench, in a process of its own: the real one, plus a stopwatch on its registry. */
import { KubeConfig } from '@kubernetes/client-node';
import { type RunningOperator, startOperator } from '../../operator/operator.ts';
import { apiConfig } from '../../operator/watch/api-config.ts';
import { silentLog } from '../../operator/watch/log.ts';
import { PLATFORM } from '../operator/world.ts';
import type { Acknowledged, OperatorSetup } from './messages.ts';
import { monotonicMs, tell } from './messages.ts';

/** One state of the configuration on its way to every sidecar. */
interface Round {
  publishedAt: number;
  acknowledgedAt: Map<string, number>;
}

async function run(setup: OperatorSetup): Promise<void> {
  const operator = await startOperator({
    api: apiConfig(() => {
      const config = new KubeConfig();
      config.loadFromString(setup.kubeConfig);
      return config;
    }),
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    tls: setup.tls,
    platformNamespaces: [PLATFORM],
    credentialsNamespaces: ['*'],
    log: silentLog,
  });
  await operator.ready;
  time(operator, setup.sidecars);
  tell({ type: 'listening', port: operator.address.port });
}

/** Tells the parent of every state once the last sidecar has acknowledged it. */
function time({ registry }: RunningOperator, sidecars: number): void {
  const published = new Map<string, number>();
  const rounds = new Map<string, Round>();
  registry.onChange((uid) => {
    const now = monotonicMs();
    const state = registry.get(uid);
    if (state?.sentHash === undefined) return;
    if (!published.has(state.sentHash)) published.set(state.sentHash, now);
    const { ack } = state;
    if (ack?.hash !== state.sentHash) return;
    const key = `${ack.hash} ${ack.credentialsVersion}`;
    const round = rounds.get(key) ?? {
      publishedAt: published.get(ack.hash) ?? now,
      acknowledgedAt: new Map<string, number>(),
    };
    rounds.set(key, round);
    if (round.acknowledgedAt.has(uid)) return;
    round.acknowledgedAt.set(uid, now);
    if (round.acknowledgedAt.size < sidecars) return;
    const told: Acknowledged = {
      type: 'acknowledged',
      exceptions: registry.list().reduce((sum, proxy) => sum + (proxy.ack?.exceptions.length ?? 0), 0),
      publishedAt: round.publishedAt,
      times: [...round.acknowledgedAt.values()],
    };
    tell(told);
  });
}

process.once('message', (setup: OperatorSetup) => {
  run(setup).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));
