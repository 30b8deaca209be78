import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judge } from '../../cli/validate/judge.ts';
import { parseOptions } from '../../cli/validate/options.ts';
import { jsonReport, textReport } from '../../cli/validate/report.ts';
import { parseManifests } from '../../crds/manifests.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

async function outrider(args: string[], input = ''): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [path.join(ROOT, 'bin/outrider.js'), 'validate', ...args], {
    cwd: ROOT,
  });
  child.stdin.end(input);
  const exit = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, out, err };
}

const provider = (name: string, spec: string, namespace = 'shop') => `---
apiVersion: outrider.dev/v1alpha1
kind: LLMProvider
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;
const route = (name: string, models: string, to: string, namespace = 'shop') => `---
apiVersion: outrider.dev/v1alpha1
kind: LLMRoute
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  models: ${models}
  rules:
  - name: all
    targets:
    - { name: t, provider: ${to} }
`;

function report(
  manifests: string,
  options: { strict?: boolean; platformNamespaces?: string[] } = {},
): string[] {
  const read = parseManifests(manifests, 'm.yaml');
  const findings = judge(read, { strict: false, platformNamespaces: [], now: 0, ...options });
  return textReport(findings, read.objects.length).trimEnd().split('\n');
}

describe('the command', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'outrider-validate-'));
    const wrong = provider('p', '{ type: OpenAi }') + route('r', '[]', '{ name: p }');
    await writeFile(path.join(dir, 'wrong.yaml'), wrong);
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test('exits 0 for what is valid, as the quickstart is', async () => {
    const { code, out, err } = await outrider(['-f', 'examples/quickstart', '--strict']);
    expect({ code, out, err }).toEqual({ code: 0, out: '5 objects, 0 problems\n', err: '' });
  });

  test('exits 1 for problems, one line each with file, line, field, value and what would be right', async () => {
    const { code, out } = await outrider(['-f', dir]);
    expect(code).toBe(1);
    expect(out.split('\n')).toEqual([
      expect.stringMatching(
        /\/wrong\.yaml:5: spec\.type: value "OpenAi": must be one of OpenAI, .*; did you mean OpenAI\?$/,
      ),
      `${dir}/wrong.yaml:11: spec.models: must be a list of 1 to 64 items`,
      '2 objects, 2 problems',
      '',
    ]);
  });

  test('reads standard input, and prints JSON for machines', async () => {
    const { code, out } = await outrider(['-f', '-', '-o', 'json'], provider('p', '{ type: OpenAi }'));
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      valid: false,
      objects: 1,
      findings: [
        {
          severity: 'Problem',
          source: 'Schema',
          file: '<stdin>',
          line: 5,
          kind: 'LLMProvider',
          namespace: 'shop',
          name: 'p',
          path: 'spec.type',
          value: 'OpenAi',
          message: expect.stringMatching(
            /^must be one of OpenAI, .*OpenAICompatible; did you mean OpenAI\?$/,
          ),
          expected: expect.stringMatching(/^one of OpenAI, .*OpenAICompatible$/),
        },
      ],
    });
  });

  test.each([
    [['-f', 'no/such/file.yaml'], 'out', /^no\/such\/file\.yaml: ENOENT/],
    [[], 'err', /^outrider validate: no files given/],
    [['-f', 'x', '-o', 'xml'], 'err', /--output is "xml"; use text or json/],
    [['--nope'], 'err', /Unknown option '--nope'/],
    [['-f', 'crds/cel'], 'err', /no manifests in crds\/cel/],
  ] as const)('exits 2 where it cannot say: %j', async (args, stream, message) => {
    const result = await outrider([...args]);
    expect(result.code).toBe(2);
    expect(result[stream]).toMatch(message);
  });

  test('says how it is used', async () => {
    const { code, out } = await outrider(['--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/usage: outrider validate -f FILE/);
  });
});

describe('objects together', () => {
  test('a provider that is not in the files is a warning, and a problem where strict', () => {
    const manifests = route('r', '[a]', '{ name: p }');
    expect(report(manifests)).toEqual([
      expect.stringMatching(
        /^m\.yaml:10: warning: LLMRoute shop\/r: ResolvedRefs would be False \(ProviderNotFound\): /,
      ),
      '1 object, 0 problems, 1 warning',
    ]);
    expect(report(manifests, { strict: true })).toEqual([
      expect.stringMatching(/^m\.yaml:10: LLMRoute shop\/r: ResolvedRefs would be False/),
      '1 object, 1 problem',
    ]);
  });

  test.each([
    ['opnai', '; did you mean "openai"?'],
    ['vendr', '; did you mean "vendor"?'],
    ['hidden', ''],
    ['something-else', ''],
  ])('a provider that is nearly named is asked for: %s', (name, hint) => {
    const manifests =
      provider('openai', '{ type: OpenAI }') +
      provider('vendor', '{ type: OpenAI, allowedNamespaces: { from: All } }', 'platform') +
      provider('hiddn', '{ type: OpenAI }', 'platform') +
      route('r', '[gpt-5]', `{ name: ${name} }`);
    const lines = report(manifests, { platformNamespaces: ['platform'] });
    const missing = lines.find((line) => line.includes('ProviderNotFound'));
    expect(missing?.endsWith(`exports one of that name to it${hint}`)).toBe(true);
  });

  test('a model and a credential that are nearly named are asked for', () => {
    const spec =
      '{ type: OpenAI, models: [{ name: large }], credentials: [{ name: main, type: APIKey, secretRef: { name: k, key: k } }] }';
    const text = provider('p', spec) + route('r', '[a]', '{ name: p }, model: lrage, credential: mian');
    const said = report(text).join('\n');
    expect(said).toContain('"lrage" is not among the models of provider shop/p; did you mean "large"?');
    expect(said).toContain('provider shop/p has no credential "mian"; did you mean "main"?');
  });

  test('a Secret that is not in the files is a warning', () => {
    const spec =
      '{ type: OpenAI, credentials: [{ name: a, type: APIKey, secretRef: { name: keys, key: k } }] }';
    expect(report(provider('p', spec))[0]).toMatch(
      /warning: LLMProvider shop\/p: .*Secret shop\/keys is not there/,
    );
    const secret = `---
apiVersion: v1
kind: Secret
metadata: { name: keys, namespace: shop, labels: { outrider.dev/provider-credential: "true" } }
stringData: { k: sk-1 }
`;
    expect(report(provider('p', spec) + secret)).toEqual(['2 objects, 0 problems']);
  });

  test('a provider of a platform namespace is found where that is named', () => {
    const manifests =
      provider('p', '{ type: OpenAI, allowedNamespaces: { from: All } }', 'platform') +
      route('r', '[gpt-5]', '{ name: p }');
    expect(report(manifests, { platformNamespaces: ['platform'] })).toEqual(['2 objects, 0 problems']);
    expect(report(manifests).filter((line) => line.includes('warning: LLM'))).toHaveLength(2);
  });

  test('a route that another one answers for entirely is a problem', () => {
    const manifests =
      provider('p', '{ type: OpenAI }') +
      route('first', '[gpt-5]', '{ name: p }') +
      route('second', '[gpt-5]', '{ name: p }');
    const lines = report(manifests);
    expect(
      lines.filter((line) => /LLMRoute shop\/second: Accepted would be False \(Shadowed\)/.test(line)),
    ).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/3 objects, 1 problem/);
  });

  test('what is wrong with an object alone is not told again as its verdict', () => {
    const lines = report(provider('p', '{ type: Open }') + route('r', '[a]', '{ name: p }'));
    expect(lines).toEqual([
      expect.stringMatching(/^m\.yaml:5: spec\.type: value "Open": must be/),
      expect.stringMatching(/warning: LLMRoute shop\/r: ResolvedRefs would be False \(ProviderNotAccepted\)/),
      '2 objects, 1 problem, 1 warning',
    ]);
  });

  test('objects without a namespace belong together', () => {
    const manifests = (provider('p', '{ type: OpenAI }') + route('r', '[gpt-5]', '{ name: p }')).replaceAll(
      ', namespace: shop',
      '',
    );
    expect(report(manifests)).toEqual(['2 objects, 0 problems']);
  });
});

describe('lines', () => {
  test('a field whose unquoted name is a boolean to kubectl is a problem', () => {
    const manifests = provider('p', '{ type: OpenAI }') + route('r', '[gpt-5]', '{ name: p }');
    const labelled = (name: string) => `${manifests}  workloadSelector: { matchLabels: { ${name}: "1" } }\n`;
    expect(report(labelled('"on"'))).toEqual(['2 objects, 0 problems']);
    expect(report(labelled('on'))).toEqual([
      'm.yaml:16: spec.workloadSelector.matchLabels.on: must be written "on", in quotes: kubectl reads an unquoted on as a boolean',
      '2 objects, 1 problem',
    ]);
  });

  test('long values are cut, objects and unknown fields are not printed', () => {
    const manifests = `---
apiVersion: outrider.dev/v1alpha1
kind: LLMProvider
metadata: { name: p }
spec: { type: ${'x'.repeat(200)}, extra: 5, endpoint: { url: { a: 1 } } }
`;
    const lines = report(manifests);
    expect(lines[0]).toContain(`value "${'x'.repeat(79)}…: must be`);
    expect(lines[1]).toMatch(/^m\.yaml:5: spec\.endpoint\.url: must be/);
    expect(lines[2]).toMatch(/^m\.yaml:5: spec\.extra: unknown field/);
  });

  test('a text that does not parse is a problem of its line', () => {
    expect(report('a: [\n')).toEqual([expect.stringMatching(/^m\.yaml:2: /), '0 objects, 1 problem']);
  });

  test('no finding tells the value of a Secret', () => {
    const read = parseManifests(
      'apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { k: 98765 }\n',
      'm.yaml',
    );
    const findings = judge(read, { strict: true, platformNamespaces: [], now: 0 });
    expect(findings).toHaveLength(1);
    expect(jsonReport(findings, 1) + textReport(findings, 1)).not.toContain('98765');
  });
});

test('options', () => {
  expect(parseOptions(['-f', 'a', '-f', 'b', 'c', '--platform-namespaces', 'x,y'])).toEqual({
    options: { paths: ['a', 'b', 'c'], output: 'text', strict: false, platformNamespaces: ['x', 'y'] },
  });
});
