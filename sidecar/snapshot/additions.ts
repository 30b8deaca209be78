/**
 * Every way in which the contract has grown since it was first released, and what a sidecar that does not know it does.
 *
 * A field or a value that changes what happens to a request needs a feature: an older sidecar then refuses the item, which
 * is never a looser version of it. A field that may be missed without harm is advisory: an older sidecar leaves it aside.
 * `requires` and `advisory` of an item follow from this table. It is not for a field that is gone or newly required: then
 * SNAPSHOT_VERSION grows.
 */
import { PROVIDER_TYPE_NAMES } from './provider-types.ts';
import type { Feature, SnapshotItem } from './schema.ts';

interface Place {
  kind: SnapshotItem['kind'];
  /** From the item, elements of lists as `[]`: `body.rules[].cache`. */
  field: string;
}

export type Addition =
  /** The field is new, or one value of it: an item with it needs the feature. */
  | (Place & { value?: string; needs: Feature })
  /** The field is new and may be left aside. */
  | (Place & { advisory: true })
  /** The field takes more than before: an older sidecar says so of an item that goes beyond its bounds, and keeps its older body. */
  | (Place & { wider: true });

/** Types of the first release. */
const FIRST_TYPES: readonly string[] = ['OpenAI', 'OpenAICompatible'];

export const ADDITIONS: readonly Addition[] = [
  // Without it, an older body of an Invalid route serves as far as the snapshot lists its providers, as before.
  { kind: 'Route', field: 'keeps', advisory: true },
  { kind: 'Route', field: 'body.signals', needs: 'signals' },
  { kind: 'Route', field: 'body.classification', needs: 'signals' },
  { kind: 'Route', field: 'body.budgets', needs: 'budgets' },
  // Without it reports tell less apart; nothing else depends on it.
  { kind: 'Route', field: 'body.chargeback', advisory: true },
  ...[
    'prompt.difficulty',
    'prompt.content',
    'prompt.languages',
    'prompt.intents',
    'prompt.labels',
    'request.reasoning',
    'classifications',
    'claims',
    'whenUnknown',
  ].map(
    (member): Addition => ({
      kind: 'Route',
      field: `body.rules[].matches[].${member}`,
      needs: 'match.signals',
    }),
  ),
  { kind: 'Route', field: 'body.rules[].unsupportedParameters', needs: 'unsupportedParameters' },
  { kind: 'Route', field: 'body.rules[].responses', needs: 'responses.store' },
  // Paths below /v1beta/.
  { kind: 'Route', field: 'body.rules[].passthrough[].pathPrefix', wider: true },
  ...PROVIDER_TYPE_NAMES.filter((name) => !FIRST_TYPES.includes(name)).map(
    (value): Addition => ({ kind: 'Provider', field: 'body.type', value, needs: 'provider.types' }),
  ),
  { kind: 'Provider', field: 'body.parameters', needs: 'provider.types' },
  {
    kind: 'Provider',
    field: 'body.models[].capabilities[]',
    value: 'Rerank',
    needs: 'provider.types',
  },
  ...['Token', 'AWSSession', 'Workload'].map(
    (value): Addition => ({
      kind: 'Provider',
      field: 'body.credentials[].type',
      value,
      needs: 'credential.minted',
    }),
  ),
  { kind: 'Provider', field: 'body.credentials[].workload', needs: 'credential.minted' },
  { kind: 'Route', field: 'body.rules[].constraints', needs: 'constraints' },
  { kind: 'Route', field: 'body.rules[].onNoTarget', needs: 'constraints' },
  ...['LeastRequests', 'Latency', 'Throughput', 'Cost'].map(
    (value): Addition => ({
      kind: 'Route',
      field: 'body.rules[].strategy.type',
      value,
      needs: 'strategy.measured',
    }),
  ),
  { kind: 'Route', field: 'body.rules[].strategy.latency', needs: 'strategy.measured' },
  { kind: 'Route', field: 'body.rules[].strategy.type', value: 'Quality', needs: 'strategy.quality' },
  { kind: 'Route', field: 'body.rules[].strategy.quality', needs: 'strategy.quality' },
  { kind: 'Route', field: 'body.rules[].strategy.type', value: 'Hybrid', needs: 'strategy.hybrid' },
  { kind: 'Route', field: 'body.rules[].strategy.hybrid', needs: 'strategy.hybrid' },
  { kind: 'Route', field: 'body.rules[].strategy.type', value: 'Adaptive', needs: 'strategy.adaptive' },
  { kind: 'Route', field: 'body.rules[].strategy.adaptive', needs: 'strategy.adaptive' },
  { kind: 'Route', field: 'body.rules[].strategy.type', value: 'Layered', needs: 'strategy.layered' },
  { kind: 'Route', field: 'body.rules[].strategy.layers', needs: 'strategy.layered' },
  // Who holds requests against these needs a feature for that; for anybody else they say nothing.
  { kind: 'Provider', field: 'body.region', advisory: true },
  { kind: 'Provider', field: 'body.dataPolicy', advisory: true },
  { kind: 'Provider', field: 'body.models[].quality', advisory: true },
  // Without it the price is unknown, which is a state of its own: never a wrong one.
  { kind: 'Provider', field: 'body.models[].fullPrices', advisory: true },
  { kind: 'Provider', field: 'body.limits', needs: 'limits' },
  { kind: 'Provider', field: 'body.models[].limits', needs: 'limits' },
  { kind: 'Provider', field: 'body.credentials[].limits', needs: 'limits' },
  { kind: 'Provider', field: 'body.concurrency', needs: 'concurrency' },
  { kind: 'Provider', field: 'body.passive.slowCall', needs: 'passive.rates' },
  { kind: 'Provider', field: 'body.passive.errorRate', needs: 'passive.rates' },
  { kind: 'Route', field: 'body.rules[].hedge', needs: 'hedge' },
  { kind: 'Route', field: 'body.rules[].failover.to', needs: 'failover.to' },
  { kind: 'Route', field: 'body.rules[].failover.retryBudget', needs: 'failover.retryBudget' },
  { kind: 'Route', field: 'body.rules[].learned', needs: 'timeouts.learned' },
  // Without it, streams of such targets have `firstTokenMs`, as before.
  { kind: 'Route', field: 'body.rules[].reasoningFirstTokenMs', advisory: true },
  // Without it a silent target is left sooner than its owner wants, where another one can answer.
  { kind: 'Route', field: 'body.rules[].patient', advisory: true },
  {
    kind: 'Provider',
    field: 'body.models[].capabilities[]',
    value: 'Reasoning',
    needs: 'capability.reasoning',
  },
  { kind: 'Route', field: 'body.rules[].admission', needs: 'admission' },
  { kind: 'Route', field: 'body.rules[].unmetered', needs: 'budgets' },
  { kind: 'Route', field: 'body.rules[].context', needs: 'context' },
  { kind: 'Route', field: 'body.rules[].maxOutputTokens', needs: 'context' },
  { kind: 'Route', field: 'body.rules[].rateLimits', needs: 'rateLimits' },
  { kind: 'Route', field: 'body.rules[].batch', needs: 'batch' },
  { kind: 'Route', field: 'body.rules[].async', needs: 'async' },
  { kind: 'Route', field: 'body.rules[].cache', needs: 'cache' },
  { kind: 'Route', field: 'body.rules[].affinity', needs: 'affinity' },
  { kind: 'Route', field: 'body.rules[].experiment', needs: 'experiment' },
  { kind: 'Route', field: 'body.rules[].targets[].spillover', needs: 'spillover' },
  { kind: 'Route', field: 'body.rules[].locality', needs: 'locality' },
  // What it would learn by asking, it learns by failing.
  { kind: 'Provider', field: 'body.active', advisory: true },
];

/** What the table says of one item: features it needs, sorted, and advisory fields that are in it. */
export function requirementsOf(
  item: Pick<SnapshotItem, 'kind' | 'body'>,
  additions: readonly Addition[] = ADDITIONS,
): { requires: string[]; advisory: string[] } {
  const requires = new Set<string>();
  const advisory = new Set<string>();
  for (const addition of additions) {
    if (addition.kind !== item.kind || 'wider' in addition) continue;
    const value = 'value' in addition ? addition.value : undefined;
    if (!holds(item, addition.field.split('.'), value)) continue;
    if ('needs' in addition) requires.add(addition.needs);
    else advisory.add(addition.field);
  }
  return { requires: [...requires].sort(), advisory: [...advisory].sort() };
}

/** Whether the item has the field anywhere, and where a value is asked for, with that value. */
function holds(
  holder: unknown,
  [first = '', ...rest]: readonly string[],
  value: string | undefined,
): boolean {
  if (typeof holder !== 'object' || holder === null) return false;
  const isList = first.endsWith('[]');
  const member = (holder as Record<string, unknown>)[isList ? first.slice(0, -2) : first];
  if (member === undefined) return false;
  const members: unknown[] = Array.isArray(member) ? member : [member];
  if (rest.length > 0) return members.some((each) => holds(each, rest, value));
  return value === undefined || members.includes(value);
}
