/** The fields of a check's form, flat: by path, what each takes. */
import type { Check, Form } from './check.ts';

interface Field {
  required: boolean;
  /** What it takes, in words; the values of a choice stand in `values`. */
  takes: string;
  values?: readonly string[];
}

/** Elements of lists are `[]`: `body.rules[].name`. */
export type Fields = ReadonlyMap<string, Field>;

/** Fields of an item: those of its header, and below `body` those of its body. */
export function fieldsOf(header: Check, body: Check): Fields {
  const fields = new Map<string, Field>();
  if (header.form) collect(header.form, '', fields);
  if (body.form) {
    fields.set('body', { required: false, takes: 'an object' });
    collect(body.form, 'body', fields);
  }
  return fields;
}

function collect(form: Form, path: string, fields: Map<string, Field>): void {
  if (form.kind === 'List') collect(form.element, `${path}[]`, fields);
  if (form.kind !== 'Object') return;
  for (const [name, member] of form.members) {
    const at = path === '' ? name : `${path}.${name}`;
    const choice = choiceOf(member.form);
    fields.set(at, {
      required: member.required,
      takes: wordsOf(member.form),
      ...(choice && { values: choice }),
    });
    collect(member.form, at, fields);
  }
}

function choiceOf(form: Form): readonly string[] | undefined {
  if (form.kind === 'List') return choiceOf(form.element);
  return form.kind === 'Choice' ? form.values : undefined;
}

function wordsOf(form: Form): string {
  if (form.kind === 'Object') return 'an object';
  if (form.kind === 'Choice') return 'a choice';
  return form.kind === 'List' ? `${form.bounds}, each ${wordsOf(form.element)}` : form.words;
}
