/** YAML scalars as kubectl reads them: YAML 1.1 booleans, octal numbers, merge keys; no dates. */
import { boolYaml11Tag, CORE_SCHEMA, intCoreTag, mergeTag, NOT_RESOLVED } from 'js-yaml';

const INTEGER = /^([-+]?)(0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|[0-9]+)$/;

function resolveInteger(source: string): number | typeof NOT_RESOLVED {
  const [, sign, digits] = INTEGER.exec(source.replaceAll('_', '')) ?? [];
  if (digits === undefined || source.startsWith('_')) return NOT_RESOLVED;
  const octal = /^0[0-7]+$/.test(digits);
  const value = Number(octal ? `0o${digits.slice(1)}` : digits);
  return sign === '-' ? -value : value;
}

/** An unquoted `yes` is true and `010` is 8, for kubectl and so for us: a manifest must not mean two things. */
export const MANIFEST_SCHEMA = CORE_SCHEMA.withTags(mergeTag, boolYaml11Tag, {
  ...intCoreTag,
  resolve: resolveInteger,
});
