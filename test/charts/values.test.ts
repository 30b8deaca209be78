import { readdirSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { SETTINGS_FIELDS } from '../../operator/inject/settings.ts';
import { chartFiles } from '../../scripts/chart/files.ts';
import { leaves, readValues } from '../../scripts/chart/values.ts';
import { problems } from './support/json-schema.ts';
import { CASES, CHART, valuesFile } from './support/renders.ts';

const FIXTURES = 'test/charts/fixtures';
const text = readFileSync(`${CHART}/values.yaml`, 'utf8');
const defaults = load(text) as Values;
const schema = JSON.parse(chartFiles().get(`${CHART}/values.schema.json`) ?? '{}') as Record<string, unknown>;

type Values = Record<string, unknown>;

const isMap = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** As Helm lays values over those of the chart: null takes one away. */
function over(base: Values, more: Values): Values {
  const merged = { ...base };
  for (const [name, value] of Object.entries(more)) {
    const below = merged[name];
    if (value === null) delete merged[name];
    else merged[name] = isMap(value) && isMap(below) ? over(below, value) : value;
  }
  return merged;
}

const check = (file: string): string[] => {
  const content = readFileSync(file, 'utf8').replace(/^#.*$/gm, '').trim();
  const given = content === '' ? {} : (load(content) as Values);
  return problems(over(defaults, given), schema, schema);
};

describe('the schema of values', () => {
  it('takes the defaults', () => {
    expect(problems(defaults, schema, schema)).toEqual([]);
  });

  it.each([
    ...CASES.map(valuesFile),
    ...readdirSync(`${FIXTURES}/accepted`).map((file) => `${FIXTURES}/accepted/${file}`),
  ])('takes %s', (file) => expect(check(file)).toEqual([]));

  it.each(readdirSync(`${FIXTURES}/rejected`))('refuses %s and says where', (file) => {
    const path = `${FIXTURES}/rejected/${file}`;
    const expected = /^# error: (.*)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 'no expectation';
    expect(check(path).join('\n')).toContain(expected);
  });

  it('knows every key there is and no other, at every depth', () => {
    const open: string[] = [];
    const look = (part: Record<string, unknown>, at: string) => {
      if (
        part.type === 'object' &&
        part.additionalProperties === undefined &&
        at.split('/').at(-1) !== 'global'
      )
        open.push(at);
      for (const [name, below] of Object.entries((part.properties ?? {}) as Values))
        look(below as Values, `${at}/${name}`);
    };
    look(schema, '');
    expect(open).toEqual([]);
  });
});

describe('values.yaml', () => {
  const all = leaves(readValues(text));

  it('is read whole', () => {
    const paths = (value: unknown, at: string): string[] =>
      isMap(value) && Object.keys(value).length > 0 && !all.some(({ path }) => path === at)
        ? Object.entries(value).flatMap(([name, below]) => paths(below, at === '' ? name : `${at}.${name}`))
        : [at];
    expect(all.map(({ path }) => path)).toEqual(paths(defaults, ''));
  });

  it('says of every value what it does, unless its name does', () => {
    const obvious =
      /\.(enabled|repository|pullPolicy|labels|annotations|nodeSelector|tolerations|podAnnotations|podLabels|logLevel|interval|secretName|duration|minAvailable|apiServerPorts)$/;
    expect(
      all
        .filter(({ description, path }) => description === '' && !obvious.test(path))
        .map(({ path }) => path),
    ).toEqual([]);
  });

  it('has the defaults of injection', () => {
    const sidecar = defaults.sidecar as Values;
    const shared = SETTINGS_FIELDS.filter(
      ({ name, default: unset }) => unset !== undefined && name in sidecar,
    );
    expect(shared.length).toBeGreaterThan(6);
    expect(Object.fromEntries(shared.map(({ name }) => [name, sidecar[name]]))).toEqual(
      Object.fromEntries(shared.map(({ name, default: unset }) => [name, unset])),
    );
  });
});

it('the reference lists every value', () => {
  const readme = chartFiles().get(`${CHART}/README.md`) ?? '';
  for (const { path } of leaves(readValues(text))) expect(readme).toContain(`| \`${path}\` |`);
});
