/** Rules of metadata that hold for every kind. */
import type { FieldError } from '../http/status-error.ts';
import type { Kind } from '../kinds/kind.ts';
import type { ApiObject } from '../object.ts';

const NAMES = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const EDGES = 'and must start and end with an alphanumeric character';
const LOWER = 'must consist of lower case alphanumeric characters';
const MIXED = "must consist of alphanumeric characters, '-', '_' or '.',";

interface Form {
  pattern: RegExp;
  rule: string;
  max: number;
}
/** `rule` and what it means for the pattern, as the real server says it. */
const form = (max: number, source: string, rule: string, examples: string): Form => ({
  max,
  pattern: new RegExp(`^${source}$`),
  rule: `${rule} ${EDGES} (e.g. ${examples}, regex used for validation is '${source}')`,
});
const DOMAIN = `a lowercase RFC 1123 subdomain ${LOWER}, '-' or '.',`;
const SUBDOMAIN = form(253, `${NAMES}(\\.${NAMES})*`, DOMAIN, "'example.com'");
const LABEL = form(63, NAMES, `a lowercase RFC 1123 label ${LOWER} or '-',`, "'my-name',  or '123-abc'");
const NAME_EXAMPLES = "'MyName',  or 'my.name',  or '123-abc'";
const NAME = form(63, '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]', `name part ${MIXED}`, NAME_EXAMPLES);
const VALUE_RULE = `a valid label must be an empty string or ${MIXED.replace('must ', '')}`;
const VALUE_EXAMPLES = "'MyValue',  or 'my_value',  or '12345'";
const VALUE = form(63, '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?', VALUE_RULE, VALUE_EXAMPLES);

const faults = (value: string, { pattern, rule, max }: Form, part = ''): string[] => [
  ...(pattern.test(value) ? [] : [rule]),
  ...(value.length > max ? [`${part}must be no more than ${max} bytes`] : []),
];

/** A label or annotation key: an optional DNS prefix and a name. */
function keyFaults(key: string): string[] {
  const [name = '', prefix = 'none', ...more] = key.split('/').reverse();
  if (more.length > 0) return ["a valid key has one '/' at most, between a DNS subdomain and a name"];
  const missing = name === '' ? ['name part must be non-empty'] : [];
  if (prefix === '') missing.unshift('prefix part must be non-empty');
  const ofPrefix = prefix === '' ? [] : faults(prefix, SUBDOMAIN, 'prefix part ');
  return [...missing, ...ofPrefix, ...faults(name, NAME, 'name part ')];
}

export function metadataErrors(kind: Kind, { metadata }: ApiObject, old?: ApiObject): FieldError[] {
  const { name, labels = {}, annotations = {}, finalizers = [] } = metadata;
  const errors: FieldError[] = [];
  const add = (type: FieldError['type'], field: string, detail: string, shown?: { value: string }) =>
    errors.push({ type, field: `metadata.${field}`, ...shown, detail });
  const wrong = (field: string, value: string, details: string[]) => {
    for (const detail of details) add('FieldValueInvalid', field, detail, { value });
  };
  if (!name) add('FieldValueRequired', 'name', 'name or generateName is required');
  else if (!old) wrong('name', name, faults(name, kind.kind === 'Namespace' ? LABEL : SUBDOMAIN));
  for (const [key, value] of Object.entries(labels)) {
    wrong('labels', key, keyFaults(key));
    wrong('labels', value, faults(value, VALUE));
  }
  for (const key of Object.keys(annotations)) wrong('annotations', key, keyFaults(key.toLowerCase()));
  const added = finalizers.filter((one) => !old?.metadata.finalizers?.includes(one));
  if (old?.metadata.deletionTimestamp && added.length > 0) {
    const found = `found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(', ')}}`;
    const rule = 'no new finalizers can be added if the object is being deleted';
    add('FieldValueForbidden', 'finalizers', `${rule}, ${found}`);
  }
  return errors;
}
