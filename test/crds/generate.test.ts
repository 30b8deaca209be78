import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { allCrds, objectSchema, type StructuralSchema } from '../../crds/definitions.ts';
import { generatedFiles } from '../../crds/generate.ts';
import { KINDS } from '../../crds/kinds.ts';
import { ERRORS } from '../../errors/table.ts';

const files = generatedFiles();
const crds = allCrds().map((crd) => ({ kind: crd.spec.names.kind, crd }));

test.each([...files])('%s is current', (file, text) => {
  expect(readFileSync(file, 'utf8')).toBe(text);
});

describe.each(crds)('the CRD of $kind', ({ kind, crd }) => {
  const version = crd.spec.versions[0];
  const schema = version?.schema.openAPIV3Schema as StructuralSchema;

  test('reads back from its YAML as it was', () => {
    const yaml = files.get(`crds/outrider.dev_${crd.spec.names.plural}.yaml`) as string;
    expect(load(yaml)).toEqual(crd);
  });

  test('has names, category, columns and a status of its own', () => {
    expect(crd.spec.names).toMatchObject({ listKind: `${kind}List`, categories: ['outrider'] });
    expect(crd.spec.names.shortNames).not.toEqual([]);
    expect(version?.subresources).toEqual({ status: {} });
    expect(version?.additionalPrinterColumns.map(({ name }) => name)).toContain('Ready');
  });

  test('fits an annotation, so that kubectl apply can keep what was applied last', () => {
    expect(JSON.stringify(crd).length).toBeLessThan(262_144);
  });

  test('bounds and describes every field below spec and status', () => {
    const lacking = ['spec', 'status'].flatMap((part) =>
      unbounded(schema.properties?.[part] as StructuralSchema, part),
    );
    expect(lacking).toEqual([]);
  });

  test('uses nothing that a structural schema may not have', () => {
    const text = JSON.stringify(schema);
    for (const word of [
      '$ref',
      'oneOf',
      'anyOf',
      'allOf',
      '"const"',
      '"additionalProperties":false',
      '"default":',
    ]) {
      // A field may be called default; only as a keyword it would carry a value.
      const keywords = word === '"default":' ? text.replaceAll('"default":{"description"', '') : text;
      expect(keywords).not.toContain(word);
    }
  });
});

describe('reference pages', () => {
  test.each(KINDS)('$kind has a row for each of its fields', (kind) => {
    const page = files.get(`docs/reference/${kind.singular}.md`) as string;
    const { spec, status } = objectSchema(kind).properties as Record<string, StructuralSchema>;
    const fields = [
      ...paths(spec as StructuralSchema, 'spec'),
      ...paths(status as StructuralSchema, 'status'),
    ];
    expect(fields.filter((field) => !page.includes(`| \`${field}\` |`))).toEqual([]);
    expect(page).toContain(kind.example);
  });

  test('a row of the page says type, bounds, whether it is required, and what it means', () => {
    const page = files.get('docs/reference/llmroute.md') as string;
    const row = page.split('\n').find((line) => line.startsWith('| `spec.rules[].targets[].weight` |'));
    expect(row).toBe(
      '| `spec.rules[].targets[].weight` | integer | no | from 0 to 1000000 | Share within its priority; 0 takes no traffic. Unset: 1. |',
    );
  });

  test('the page of errors has a row for each code', () => {
    const page = files.get('docs/reference/errors.md') as string;
    const codes = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (yes|no) \| ./gm)].map(([, code]) => code);
    expect(codes).toEqual(Object.keys(ERRORS));
  });

  test('no cell breaks its table', () => {
    for (const [file, text] of files) {
      const rows = text.split('\n').filter((line) => file.endsWith('.md') && line.startsWith('|'));
      const widths = rows.map((row) => row.replaceAll('\\|', '').split('|').length);
      expect(widths.every((width) => [4, 6, 7].includes(width))).toBe(true);
    }
  });
});

function paths(schema: StructuralSchema, at: string): string[] {
  if (schema.items) return paths(schema.items, `${at}[]`);
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => [
    `${at}.${name}`,
    ...paths(child, `${at}.${name}`),
  ]);
}

function unbounded(schema: StructuralSchema, at: string): string[] {
  const { type, format } = schema;
  const lacks = [
    type === 'string' && !schema.enum && !format && schema.maxLength === undefined,
    type === 'array' && (schema.maxItems === undefined || !schema['x-kubernetes-list-type']),
    type === 'integer' && (schema.minimum === undefined || !format),
    type === 'object' && schema.additionalProperties && schema.maxProperties === undefined,
  ];
  const children = Object.entries(schema.properties ?? {}).flatMap(([name, child]) => [
    ...(child.description ? [] : [`${at}.${name} has no description`]),
    ...unbounded(child, `${at}.${name}`),
  ]);
  const below = [schema.items, schema.additionalProperties].flatMap((child) =>
    child ? unbounded(child, `${at}[]`) : [],
  );
  return [...(lacks.some(Boolean) ? [at] : []), ...children, ...below];
}
