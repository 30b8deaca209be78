/** Label and field selectors of list, watch and deletecollection. */
import { badRequest } from '../http/status-error.ts';
import type { Kind } from '../kinds/kind.ts';
import { type ApiObject, spell } from '../object.ts';
import { valueAt } from '../present/json-path.ts';

/** Takes objects in storage form. */
export type Matcher = (object: ApiObject) => boolean;

const LABEL_TERM =
  /^\s*(?:(!)\s*([\w./-]+)|([\w./-]+)\s+(in|notin)\s*\(([^()]*)\)|([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)|([\w./-]+))\s*$/;
const FIELD_TERM = /^\s*([\w./-]+)\s*(==|=|!=)\s*(.*)$/;
/** Commas split terms, except inside the parentheses of `in` and `notin`. */
const terms = (selector: string): string[] => selector.split(/,(?![^(]*\))/).filter((term) => term.trim());

function labelTest(term: string): (labels: Record<string, string>) => boolean {
  const parts = LABEL_TERM.exec(term);
  if (!parts) throw badRequest(`unable to parse requirement: "${term.trim()}" is not a label requirement`);
  const [, not, absent = '', setKey, setOperator, values, key = '', operator, value, present = ''] = parts;
  if (not) return (labels) => labels[absent] === undefined;
  if (present) return (labels) => labels[present] !== undefined;
  if (!setKey) return (labels) => (labels[key] === value) === (operator !== '!=');
  const wanted = values?.split(',').map((one) => one.trim()) ?? [];
  return ({ [setKey]: label }) => (label !== undefined && wanted.includes(label)) === (setOperator === 'in');
}

function fieldTest(kind: Kind, term: string): Matcher {
  const [, field = '', operator, value] = FIELD_TERM.exec(term) ?? [];
  if (!operator) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
  const own = {
    'metadata.name': '.metadata.name',
    ...(kind.namespaced && { 'metadata.namespace': '.metadata.namespace' }),
  };
  const path = { ...own, ...kind.selectable }[field];
  if (!path) throw badRequest(`field label not supported: ${field}`);
  return (object) => (spell(valueAt(object, path)) === value) === (operator !== '!=');
}

export function matcherOf(kind: Kind, query: URLSearchParams): Matcher {
  const labels = terms(query.get('labelSelector') ?? '').map(labelTest);
  const fields = terms(query.get('fieldSelector') ?? '').map((term) => fieldTest(kind, term));
  return (object) =>
    labels.every((test) => test(object.metadata.labels ?? {})) && fields.every((test) => test(object));
}
