/**
 * Defaults of policies, filled into rules that are silent. They have the names and the form that they have in a rule, so a
 * new one needs its member in the schema of defaults and nothing here, unless it is one of the exceptions below.
 */
import type { LLMPolicySpec } from '../../crds/llmpolicy.ts';
import type { LLMRouteSpec } from '../../crds/llmroute.ts';

type Rule = LLMRouteSpec['rules'][number];
export type PolicyDefaults = NonNullable<LLMPolicySpec['defaults']>;

/** Members that mean something together only: filled in whole, or not at all. */
const UNITS: ReadonlySet<string> = new Set(['backoff']);

/** @param noted called with the path of each value that comes from the defaults */
export function withDefaults(
  rule: Rule,
  defaults: PolicyDefaults,
  path: string,
  noted: (path: string) => void,
): Rule {
  return fill(rule, spokenFor(rule, defaults), path, noted) as Rule;
}

/** A rule with lists by failure has said which failures move on; one that keeps no answers, how. */
function spokenFor({ failover, cache }: Rule, defaults: PolicyDefaults): PolicyDefaults {
  const { cache: kept, ...others } = defaults;
  const unsaid: PolicyDefaults = kept && cache?.mode === 'Disabled' ? others : defaults;
  if (!failover?.to || !unsaid.failover?.when) return unsaid;
  const { when: _said, ...rest } = unsaid.failover;
  return { ...unsaid, failover: rest };
}

function fill(own: object, unset: object, path: string, noted: (path: string) => void): object {
  const made: Record<string, unknown> = { ...own };
  for (const [name, value] of Object.entries(unset) as [string, unknown][]) {
    if (value === undefined) continue;
    const at = `${path}.${name}`;
    const said = made[name];
    if (isMap(value) && !UNITS.has(name)) {
      if (said === undefined || isMap(said)) made[name] = fill(said ?? {}, value, at, noted);
      // Some are switched on by being there.
      if (said === undefined && Object.keys(value).length === 0) noted(at);
    } else if (said === undefined) {
      made[name] = value;
      note(value, at, noted);
    }
  }
  return made;
}

function note(value: unknown, path: string, noted: (path: string) => void): void {
  if (!isMap(value)) noted(path);
  else for (const [name, member] of Object.entries(value)) note(member, `${path}.${name}`, noted);
}

const isMap = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
