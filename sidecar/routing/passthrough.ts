/** Provider paths beyond the modelled ones: let through by a rule that opts in, on whole path segments, unread. */
import { OutriderError } from '../../errors/table.ts';
import { isManagementPath, segmentsOf, startsWithSegments } from '../snapshot/paths.ts';
import { PromptText } from './match-clauses.ts';
import { matches, noteLabel } from './match-rule.ts';
import type { RequestFacts, Step } from './plan.ts';
import { onlyRoute, type Resolved, resolveRoute } from './resolve-route.ts';
import type { RoutingTable, TableRoute, TableRule } from './table.ts';

export interface PassthroughMatch extends Resolved {
  rule: TableRule;
  ruleIndex: number;
  steps: Step[];
}

/**
 * Route and rule for a path that no endpoint models. The asked model decides the route where the request names one; else
 * the one route that lets the path through.
 */
export function resolvePassthrough(
  table: RoutingTable | undefined,
  facts: RequestFacts,
): PassthroughMatch | OutriderError {
  const { method, path, askedModel } = facts;
  const segments = segmentsOf(path);
  if (!table || !segments || isManagementPath(segments)) {
    return table ? notLetThrough(facts, segments) : new OutriderError('config_unavailable', {}, 1000);
  }
  const resolved =
    askedModel === undefined
      ? among(
          table.routes.filter((route) => letsThrough(route, facts, segments) !== undefined),
          facts,
        )
      : resolveRoute(table, askedModel);
  if (resolved instanceof OutriderError) return resolved;
  const steps: Step[] = [];
  const ruleIndex = letsThrough(resolved.route, facts, segments, steps);
  const rule = ruleIndex === undefined ? undefined : resolved.route.rules[ruleIndex];
  if (ruleIndex === undefined || !rule) return notLetThrough(facts, segments);
  steps.push({ stage: 'match', what: `rule ${rule.body.name}`, detail: `lets ${method} ${path} through` });
  return { ...resolved, rule, ruleIndex, steps };
}

function among(routes: readonly TableRoute[], facts: RequestFacts): Resolved | OutriderError {
  return routes.length === 0 ? notLetThrough(facts, []) : onlyRoute(routes);
}

/** Position of the first rule of the route that matches and lets the path through. */
function letsThrough(
  route: TableRoute,
  facts: RequestFacts,
  segments: readonly string[],
  steps: Step[] = [],
): number | undefined {
  const text = new PromptText(facts);
  noteLabel(route, facts);
  const index = route.rules.findIndex((rule) => {
    if (!permits(rule, facts.method, segments)) {
      steps.push({ stage: 'match', what: `rule ${rule.body.name}`, detail: 'does not let the path through' });
      return false;
    }
    return matches(rule, facts, text, steps) !== undefined;
  });
  return index < 0 ? undefined : index;
}

/** Whether the rule's own list lets (method, path) through, its matches aside. Management paths never. */
export function permits(rule: TableRule, method: string, segments: readonly string[]): boolean {
  if (isManagementPath(segments)) return false;
  return rule.body.passthrough.some(
    ({ methods, pathPrefix }) =>
      methods.includes(method) && startsWithSegments(segments, segmentsOf(pathPrefix) ?? [' ']),
  );
}

function notLetThrough(
  { method, path }: RequestFacts,
  segments: readonly string[] | undefined,
): OutriderError {
  const hint =
    segments && isManagementPath(segments)
      ? 'paths that manage an organisation are never passed through'
      : 'a rule lets provider paths through with passthrough: [{ methods, pathPrefix }]';
  return new OutriderError('endpoint_not_found', { method, path, hint });
}
