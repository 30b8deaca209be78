/** zod's issues in plain words: each names what would be right, from the bounds of the schema it comes from. */
import type { z } from 'zod';
import type { PathPart } from '../problem.ts';
import type { StructuralSchema } from '../structural.ts';
import { expected, schemaAt } from './expected.ts';
import { type Finding, valueAt } from './finding.ts';
import { nearest } from './nearest.ts';

/** `base` is where `schema` stands in the object; `root` is the structural schema of the whole object. */
export function schemaFindings(
  schema: z.ZodType,
  object: unknown,
  base: PathPart[],
  root: StructuralSchema,
): Finding[] {
  const parsed = schema.safeParse(valueAt(object, base));
  if (parsed.success) return [];
  const found = new Map<string, Finding>();
  for (const issue of parsed.error.issues) {
    for (const finding of explain(issue, object, base, root)) {
      // A text that is too short and of the wrong form is one problem.
      found.set(JSON.stringify([finding.path, finding.message]), finding);
    }
  }
  return [...found.values()];
}

function explain(
  issue: z.core.$ZodIssue,
  object: unknown,
  base: PathPart[],
  root: StructuralSchema,
): Finding[] {
  const path = [...base, ...(issue.path as PathPart[])];
  const at = schemaAt(root, path);
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(at?.properties ?? {});
    return issue.keys.map((key) => unknownField([...path, key], valueAt(object, [...path, key]), known));
  }
  const value = valueAt(object, path);
  if (issue.code === 'invalid_key') {
    const right = issue.issues[0]?.message ?? 'another key';
    return [{ source: 'Schema', path, value, message: `the key must be ${right}`, expected: right }];
  }
  const right = at ? expected(at) : issue.message;
  if (value === undefined) {
    return [{ source: 'Schema', path, value, message: `is required: ${right}`, expected: right }];
  }
  const meant = at?.enum && typeof value === 'string' ? nearest(value, at.enum) : undefined;
  const hint = meant === undefined ? quotingHint(at, value) : `; did you mean ${meant}?`;
  return [{ source: 'Schema', path, value, message: `must be ${right}${hint}`, expected: right }];
}

/** A field the schema does not have. `known` are the fields it does have there. */
export function unknownField(path: PathPart[], value: unknown, known: readonly string[]): Finding {
  const key = String(path.at(-1));
  const meant = nearest(key, known);
  return {
    source: 'Schema',
    path,
    value,
    message:
      meant === undefined
        ? `unknown field; fields here are ${known.join(', ')}`
        : `unknown field; did you mean ${meant}?`,
    expected: meant ?? `one of the fields ${known.join(', ')}`,
  };
}

/** YAML reads `yes`, `0.5` and `2024` as something else than strings, and "5" as a string. */
function quotingHint(schema: StructuralSchema | undefined, value: unknown): string {
  if (schema?.type === 'string' && (typeof value === 'boolean' || typeof value === 'number')) {
    return ` (it is a ${typeof value} here: put it in quotes)`;
  }
  if ((schema?.type === 'integer' || schema?.type === 'boolean') && typeof value === 'string') {
    return ' (it is a string here: write it without quotes)';
  }
  return '';
}
