/** Routes that other routes keep from answering, on the pods that run now. */

import { type Problem, sentence } from './problems.ts';
import { NO_CONFLICT, PATTERN_SHADOWED, SHADOWED } from './reasons.ts';
import type { VerdictCondition } from './types.ts';
import type { Group } from './workloads.ts';

export interface Conflicts {
  condition(routeKey: string): VerdictCondition;
  /** Set where the route answers nowhere, though pods run that it is for. */
  fullyShadowed(routeKey: string): Problem | undefined;
}

interface Finding {
  /** `"pattern" is answered by namespace/name`. */
  shadowed: Set<string>;
  /** Whether some group leaves it at least one pattern. */
  answers: boolean;
}

/**
 * `groups` are those of live pods. A pattern is shadowed where another route with the very same pattern comes first: a more
 * specific pattern elsewhere takes single names only, and is how patterns are meant to be used.
 */
export function findConflicts(groups: Iterable<Group>): Conflicts {
  const findings = new Map<string, Finding>();
  for (const { selected } of groups) {
    const winners = new Map<string, string>();
    for (const { route } of selected) {
      const { key } = route.source;
      let finding = findings.get(key);
      if (!finding) {
        finding = { shadowed: new Set(), answers: false };
        findings.set(key, finding);
      }
      for (const pattern of new Set(route.item.models)) {
        const winner = winners.get(pattern);
        if (winner === undefined) {
          winners.set(pattern, key);
          finding.answers = true;
        } else finding.shadowed.add(`"${pattern}" is answered by ${winner}`);
      }
    }
  }
  return {
    condition(routeKey) {
      const shadowed = findings.get(routeKey)?.shadowed;
      if (!shadowed || shadowed.size === 0)
        return {
          type: 'Conflicted',
          status: 'False',
          reason: NO_CONFLICT,
          message: 'no other route answers for its models',
        };
      const message = sentence([...shadowed].sort());
      return { type: 'Conflicted', status: 'True', reason: PATTERN_SHADOWED, message };
    },
    fullyShadowed(routeKey) {
      const finding = findings.get(routeKey);
      if (!finding || finding.answers || finding.shadowed.size === 0) return undefined;
      const message = `no pod is left for the route: ${sentence([...finding.shadowed].sort())}`;
      return { condition: 'Accepted', reason: SHADOWED, message };
    },
  };
}
