/** The reference page of the operator's metrics, made of their definitions. */
import { cell, GENERATED, table } from '../crds/reference/markdown.ts';
import { operatorMetrics } from './metrics.ts';

/** What the labels say. A label that is missing here fails the generation. */
const LABELS: Readonly<Record<string, string>> = {
  resource: 'What is watched, such as `llmroutes` or `secrets`.',
  cause: 'Why a watch ended: a word such as `Expired`, or `Http` and the status of the answer.',
  name: 'The work queue.',
  controller: 'The part of the operator: `compile`, `status`, and those of certificates and injection.',
  kind: '`LLMRoute`, `LLMProvider` or `LLMPolicy`.',
  budget:
    'Whose spend it is, such as `policy/platform/teams/monthly`; the 200 fullest, and `_other` for the fullest of the rest.',
  percent: 'Percentage that was reached: 1 to 100.',
  spent: '`Below` 80 percent of the amount, `Most` of it, or `All`.',
  result:
    'What came of it. Reconciles: `Done`, `Retry` or `Terminal` (as it is, another try is no use). Statuses: `Written`, `Gone` or `Failed`. Reviews: `Injected`, `Unchanged`, `Skipped`, `Refused`, `NotWanted` or `Malformed`. Evictions: `Evicted`, `Blocked` by a disruption budget, `Gone` or `Failed`. Events: `Written`, `Dropped` or `Failed`. Webhooks: `Sent`, `Retried` or `Failed`.',
  reason:
    'Of refused identities: what was wrong with the token. Of pods without a sidecar: the reason as [injection](injection.md) has it, `Missing` where it could have had one, `Refused` where it would not be made today.',
  certificate: '`serving` or `authority`.',
  state:
    'Where the rotation of the authority stands; the series of the current state is 1, others are absent.',
};

/** Markdown of `docs/reference/metrics.md`. */
export function metricsPage(): string {
  const all = operatorMetrics(() => 0).definitions();
  const ours = all.filter(({ name }) => name.startsWith('outrider_'));
  const used = [...new Set(ours.flatMap(({ labels }) => labels))];
  const unknown = used.filter((label) => LABELS[label] === undefined);
  if (unknown.length > 0)
    throw new Error(`operator/metrics-reference.ts does not say what ${unknown.join(', ')} means`);
  const rows = ours.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    cell(help),
  ]);
  return `${GENERATED}
# Metrics of the operator

\`/metrics\` on the admin port of each replica, in the Prometheus text format. Those of the sidecar are in [telemetry](telemetry.md).

Each replica counts what it does itself: streams and announcements are of the sidecars that are connected to it, statuses and usage rows are the leader's.
No label but budget takes the name of an object, and that one is bounded; none takes that of a pod. So the number of series does not grow with the cluster.

${table(['Metric', 'Type', 'Labels', 'Meaning'], rows)}

| Label | Meaning |
| --- | --- |
${used.map((label) => `| \`${label}\` | ${LABELS[label]} |`).join('\n')}

Besides, ${all.length - ours.length} metrics about the process itself, as \`prom-client\` names them: \`process_*\` and \`nodejs_*\`.
`;
}
