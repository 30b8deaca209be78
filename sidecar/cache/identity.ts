/** For whom a request is and what is done with it: what its key is made of besides the body. */
import { createHash } from 'node:crypto';
import { callerKeyOf } from '../dispatch/caller-key.ts';
import { allowedQuery } from '../dispatch/header-rules.ts';
import type { Exchange } from '../exchange.ts';
import { headerValue } from '../http1/header-value.ts';
import { chooseArm } from '../routing/experiment/arms.ts';
import type { RequestFacts } from '../routing/plan.ts';
import type { TableRoute, TableRule } from '../routing/table.ts';
import { canonicalJson } from '../snapshot/hash.ts';
import type { RuleBody } from '../snapshot/schema.ts';
import type { CacheBody } from '../snapshot/shapes/cache.ts';
import type { Bypass } from './cacheable.ts';
import type { KeyParts } from './key.ts';

/** Who this pod is, to stores that others use too. */
export interface Tenant {
  namespace: string;
  /** What owns the pod. */
  workload: string;
}

/** Headers of callers that providers answer differently for, besides those that the rule forwards. */
const WITH_EFFECT = ['anthropic-version', 'anthropic-beta', 'openai-beta'] as const;
/** Whose account it is; sent beside a caller's own key. */
const ACCOUNT = ['openai-organization', 'openai-project', 'x-goog-user-project'] as const;

/** `percent`: the share of a canary's arm now. */
export function identify(
  exchange: Exchange,
  facts: RequestFacts,
  route: TableRoute,
  rule: TableRule,
  { tenant, percent }: { tenant: Tenant; percent: number },
): { parts: KeyParts; arm: string | undefined } | { bypass: Bypass } {
  const { cache } = rule.body;
  const { rawHeaders } = exchange.req;
  const apart = cache && headersApart(cache, rawHeaders);
  if (!cache || !apart) return { bypass: 'Scope' };
  let arm: string | undefined;
  if (rule.experiment) {
    // A draw that another plan would not repeat says nothing of where the answer came from.
    const chosen = chooseArm(rule.experiment, percent, facts, () => 0);
    if (chosen.sticky === 'Chance' && rule.experiment.arms.length > 1) return { bypass: 'Arm' };
    arm = chosen.arm.name;
  }
  const headers: string[] = [];
  for (const name of WITH_EFFECT) add(headers, name, rawHeaders);
  for (const name of rule.body.forwardHeaders) add(headers, name, rawHeaders);
  const parts: KeyParts = {
    tenant: [
      ...tenantOf(cache.scope.type, tenant),
      ...apart,
      ...ownKey(rule, rawHeaders),
      facts.classification ?? '',
    ],
    rule: [
      route.body?.uid ?? route.id,
      String(route.generation ?? 0),
      rule.body.name,
      hashOf(rule.body),
      arm ?? '',
    ],
    path: exchange.path,
    query: allowedQuery(exchange.query),
    headers,
  };
  return { parts, arm };
}

/** Under which answers of the rule are kept: another version of it is another one. */
export const partName = (route: TableRoute, rule: TableRule): string =>
  `${route.body?.uid ?? route.id} ${route.generation ?? 0} ${rule.body.name} ${hashOf(rule.body)}`;

/** Whose answers they are, to a store that tells its users apart. */
export const scopeName = ({ scope }: CacheBody, tenant: Tenant): string =>
  tenantOf(scope.type, tenant).join('/');

function headersApart({ scope }: CacheBody, rawHeaders: readonly string[]): string[] | undefined {
  const values: string[] = [];
  for (const name of scope.headers) {
    const value = headerValue(rawHeaders, name);
    if (value === undefined || value === '') return undefined;
    values.push(name, value);
  }
  return values;
}

function tenantOf(type: CacheBody['scope']['type'], { namespace, workload }: Tenant): string[] {
  if (type === 'Route') return ['route'];
  return type === 'Namespace' ? ['namespace', namespace] : ['workload', namespace, workload];
}

/** A caller that brings its own key is given no answer that another one paid for. */
function ownKey(rule: TableRule, rawHeaders: readonly string[]): string[] {
  const passes = rule.tiers.some(({ targets }) =>
    targets.some(({ pool }) => pool.some((credential) => credential?.type === 'Passthrough')),
  );
  if (!passes) return [];
  const account: string[] = [];
  for (const name of ACCOUNT) add(account, name, rawHeaders);
  return ['key', callerKeyOf(rawHeaders) ?? '', ...account];
}

function add(to: string[], name: string, rawHeaders: readonly string[]): void {
  const value = headerValue(rawHeaders, name);
  if (value !== undefined) to.push(name, value);
}

const hashes = new WeakMap<RuleBody, string>();

/** Policies change a rule without a new generation of its route. */
function hashOf(rule: RuleBody): string {
  let known = hashes.get(rule);
  if (known === undefined) {
    known = createHash('sha256').update(canonicalJson(rule)).digest('base64url');
    hashes.set(rule, known);
  }
  return known;
}
