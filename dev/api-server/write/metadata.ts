/** Rules of metadata that hold for every kind. */
import type { FieldError } from '../http/status-error.ts';
import type { Kind } from '../kinds/kind.ts';
import type { ApiObject } from '../object.ts';

interface Form {
  pattern: RegExp;
  rule: string;
  max: number;
}
const form = (max: number, pattern: RegExp, rule: string, example: string): Form => {
  const source = pattern.source.slice(1, -1);
  return { max, pattern, rule: `${rule} (e.g. ${example}, regex used for validation is '${source}')` };
};
const EDGES = 'and must start and end with an alphanumeric character';
const SUBDOMAIN = form(
  253,
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', ${EDGES}`,
  "'example.com'",
);
const LABEL = form(
  63,
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ${EDGES}`,
  "'my-name',  or '123-abc'",
);
const NAME_PART = form(
  63,
  /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/,
  `name part must consist of alphanumeric characters, '-', '_' or '.', ${EDGES}`,
  "'MyName',  or 'my.name',  or '123-abc'",
);
const LABEL_VALUE = form(
  63,
  /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/,
  `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', ${EDGES}`,
  "'MyValue',  or 'my_value',  or '12345'",
);
const MAX_ANNOTATIONS_BYTES = 256 * 1024;

const faults = (value: string, { pattern, rule, max }: Form, part = ''): string[] => [
  ...(pattern.test(value) ? [] : [rule]),
  ...(value.length > max ? [`${part}must be no more than ${max} bytes`] : []),
];

/** A label or annotation key: an optional DNS prefix and a name. */
function keyFaults(key: string): string[] {
  const [name = '', prefix, more] = key.split('/').reverse();
  if (more !== undefined)
    return [`${NAME_PART.rule.replace('name part', 'a valid label key')} with one prefix and '/'`];
  const ofPrefix =
    prefix === '' ? ['prefix part must be non-empty'] : faults(prefix ?? 'none', SUBDOMAIN, 'prefix part ');
  return [
    ...ofPrefix,
    ...(name === '' ? ['name part must be non-empty'] : []),
    ...faults(name, NAME_PART, 'name part '),
  ];
}

export function metadataErrors(
  kind: Kind,
  { metadata }: ApiObject,
  old: ApiObject | undefined,
): FieldError[] {
  const { name, labels = {}, annotations = {}, finalizers = [] } = metadata;
  const errors: FieldError[] = [];
  const wrong = (field: string, value: string, details: string[]) => {
    const all = details.map((detail) => ({
      type: 'FieldValueInvalid' as const,
      field: `metadata.${field}`,
      value,
      detail,
    }));
    errors.push(...all);
  };
  const form = kind.kind === 'Namespace' ? LABEL : SUBDOMAIN;
  const missing = 'name or generateName is required';
  if (!name) errors.push({ type: 'FieldValueRequired', field: 'metadata.name', detail: missing });
  else if (!old) wrong('name', name, faults(name, form));
  for (const [key, value] of Object.entries(labels)) {
    wrong('labels', key, keyFaults(key));
    wrong('labels', value, faults(value, LABEL_VALUE));
  }
  for (const key of Object.keys(annotations)) wrong('annotations', key, keyFaults(key.toLowerCase()));
  if (Buffer.byteLength(Object.entries(annotations).flat().join('')) > MAX_ANNOTATIONS_BYTES) {
    const detail = `may not be more than ${MAX_ANNOTATIONS_BYTES} bytes`;
    errors.push({ type: 'FieldValueTooLong', field: 'metadata.annotations', detail });
  }
  const added = finalizers.filter((one) => !old?.metadata.finalizers?.includes(one));
  if (old?.metadata.deletionTimestamp && added.length > 0) {
    const found = added.map((one) => JSON.stringify(one)).join(', ');
    const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${found}}`;
    errors.push({ type: 'FieldValueForbidden', field: 'metadata.finalizers', detail });
  }
  return errors;
}
