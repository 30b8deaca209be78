/**
 * Whether a provider may see a request at all: what the rule demands of its data policy and region, and what the request's
 * own classification allows. Nothing relaxes it, so planning asks it of every target, and every attempt asks it again.
 */
import { OutriderError } from '../../../errors/table.ts';
import { unmetDemand, words } from '../../snapshot/data-demand.ts';
import type { ProviderBody, RuleBody } from '../../snapshot/schema.ts';
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
  const unmet = constraints?.dataPolicy && unmetDemand(provider.dataPolicy, constraints.dataPolicy, 'rule');
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
