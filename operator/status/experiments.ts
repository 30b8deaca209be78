/** PURE: experiments in the status of a route: what is known now, what was written before, and what of it is news. */
import type { LLMRoute, LLMRouteStatus } from '../../crds/llmroute.ts';

type Statuses = NonNullable<LLMRouteStatus['experiments']>;

const MAX_EXPERIMENTS = 16;

/** `known`: undefined for what no pod was heard of yet; then what was written stays, as far as the spec still has it. */
export function experimentsOf(
  spec: LLMRoute['spec'],
  known: Statuses | undefined,
  previous: Statuses | undefined,
): Statuses | undefined {
  const names = new Set(
    (spec?.rules ?? []).flatMap(({ experiment }) => (experiment ? [experiment.name] : [])),
  );
  if (names.size === 0) return undefined;
  const found = [...names].flatMap((name) => {
    const byName = (one: { name: string }) => one.name === name;
    return known?.find(byName) ?? previous?.find(byName) ?? [];
  });
  return found.length > 0 ? found.slice(0, MAX_EXPERIMENTS) : undefined;
}

/** What is written at once when it changes. */
export const canariesOf = (status: LLMRouteStatus | undefined): unknown =>
  status?.experiments?.map(({ name, phase, percent }) => [name, phase, percent]);

/** In one order of members, whatever the API server made of them. */
export function normalExperiments(status: LLMRouteStatus | undefined): unknown {
  return status?.experiments && sorted(status.experiments);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}
