/** What is wrong with one field of one object, and what would be right. */

export type PathPart = string | number;

/**
 * Schema: the field's type or bounds, an unknown field, a duplicate. Rule: a CEL rule of the CRD. Pattern: a regular
 * expression that RE2 cannot run.
 */
export type ProblemSource = 'Schema' | 'Rule' | 'Pattern';

export interface Problem {
  source: ProblemSource;
  /** As written in the object; empty where it has none. */
  kind: string;
  namespace: string;
  name: string;
  /** Such as `spec.rules[0].targets[1].weight`; empty for the object itself. */
  path: string;
  /** What stands there; undefined where nothing does. */
  value: unknown;
  /** A sentence without its subject, the path: `must be a whole number from 0 to 1000`. */
  message: string;
  /** What would be right, alone: `a whole number from 0 to 1000`. */
  expected: string;
}

/** `spec.rules[0].targets`; a key that is no plain word is quoted in brackets, as in `labels["app.kubernetes.io/name"]`. */
export function formatPath(parts: readonly PathPart[]): string {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}
