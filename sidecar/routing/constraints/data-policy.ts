/**
 * Whether a provider may see a request at all: what the rule demands of its data policy and region, and what the request's
 * own classification allows. Nothing relaxes it, so planning asks it of every target, and every attempt asks it again.
 */
import { OutriderError } from '../../../errors/table.ts';
import type { ProviderBody, RuleBody } from '../../snapshot/schema.ts';
import type { DataDemand } from '../../snapshot/shapes/constraints.ts';
import type { RequestFacts } from '../plan.ts';
import type { Fallen } from '../target.ts';

type Demands = Pick<RuleBody, 'constraints'>;
type Labelled = Pick<RequestFacts, 'classification'>;

/** Undefined: it may. What a provider does not say meets no demand. */
export function barred(provider: ProviderBody, rule: Demands, facts: Labelled): Fallen | undefined {
  const { classification } = facts;
  const { constraints } = rule;
  if (constraints === undefined && classification === undefined) return undefined;
  if (classification !== undefined && !provider.dataPolicy?.classifications?.includes(classification)) {
    return { reason: 'ClassificationNotAllowed', detail: unlabelled(provider, classification) };
  }
  if (constraints?.regions && !(provider.region && constraints.regions.includes(provider.region))) {
    const where = provider.region === undefined ? 'says no region' : `is in region ${provider.region}`;
    const detail = `provider ${provider.name} ${where}; the rule allows ${words(constraints.regions)}`;
    return { reason: 'RegionNotAllowed', detail };
  }
  const unmet = constraints?.dataPolicy && unmetDemand(provider, constraints.dataPolicy);
  return unmet === undefined
    ? undefined
    : { reason: 'DataPolicyUnmet', detail: `provider ${provider.name} ${unmet}` };
}

/** Throws where the attempt must not be made: the last gate in front of every one, however it was chosen. */
export function requirePermitted(
  { provider, target }: { provider: ProviderBody; target: { name: string } },
  rule: Demands,
  facts: Labelled | undefined,
): void {
  const fallen = barred(provider, rule, facts ?? {});
  if (fallen) {
    throw new OutriderError('target_not_permitted', { target: target.name, reason: fallen.detail });
  }
}

function unlabelled({ name, dataPolicy }: ProviderBody, classification: string): string {
  const listed = dataPolicy?.classifications;
  const takes = listed ? `takes requests classified ${words(listed)}` : 'takes no classified requests';
  return `the request is classified ${classification}, and provider ${name} ${takes}`;
}

function unmetDemand({ dataPolicy = {} }: ProviderBody, demand: DataDemand): string | undefined {
  const { residency, retentionDays, training } = demand;
  if (residency) {
    const said = dataPolicy.residency;
    if (!said) return `says no residency; the rule allows ${words(residency)}`;
    const outside = said.filter((place) => !residency.includes(place));
    if (outside.length > 0) return `keeps data in ${words(outside)}; the rule allows ${words(residency)}`;
  }
  if (retentionDays !== undefined) {
    const said = dataPolicy.retentionDays;
    if (said === undefined) return `says no retention; the rule allows ${kept(retentionDays)}`;
    if (said > retentionDays) return `keeps data ${kept(said)}; the rule allows ${kept(retentionDays)}`;
  }
  if (training === 'Never' && dataPolicy.training !== 'Never') {
    return dataPolicy.training === undefined
      ? 'does not say that it never trains on data, which the rule demands'
      : 'trains on data, which the rule forbids';
  }
  return undefined;
}

const kept = (days: number): string => (days === 0 ? 'no retention' : `${days} days`);

function words(list: readonly string[]): string {
  return list.length > 5 ? `${list.slice(0, 5).join(', ')} and ${list.length - 5} more` : list.join(', ');
}
