import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { dump, load, loadAll } from 'js-yaml';
import { afterAll, describe, expect, it } from 'vitest';
import { cutDocuments, rewritten } from '../../cli/inject/documents.ts';
import { injectAll } from '../../cli/inject/workloads.ts';
import { readArguments } from '../../cli/inject.ts';
import { parseDocuments } from '../../crds/manifests/parse.ts';
import { inject } from '../../operator/inject/mutate.ts';
import type { Pod } from '../../operator/inject/pod.ts';
import { injectionPolicies } from '../../operator/inject/policy.ts';
import { readCase, SETTINGS, settingsWith } from '../operator/inject/support/case.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const GOLDEN = path.join(ROOT, 'test/operator/inject/golden');
const directory = mkdtempSync(path.join(tmpdir(), 'outrider-inject-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SETTINGS_FILE = path.join(directory, 'settings.yaml');
writeFileSync(SETTINGS_FILE, dump(SETTINGS));

async function outrider(args: string[], input = ''): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [path.join(ROOT, 'bin/outrider.js'), 'inject', ...args], {
    cwd: ROOT,
  });
  child.stdin.end(input);
  const exit = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, out, err };
}

const withSettings = (...args: string[]) => ['--settings', SETTINGS_FILE, ...args];

const OTHERS = `# A file of several things
apiVersion: v1
kind: Service   # stays as it is
metadata: {name: web}
spec: {ports: [{port: 80}]}
---
# nothing here
---
apiVersion: v1
kind: ConfigMap
metadata:
    name: script
data:
  run.sh: |
    --- not a document
    exit 0
`;
const DEPLOYMENT = `---
# Source: charts/web
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop, annotations: { mode: "0644", answer: "yes" } }
spec:
  template:
    metadata: { labels: { app: web } }
    spec:
      containers: [{ name: web, image: "web:1" }]
      volumes: [{ name: v, configMap: { name: c, defaultMode: 0644 } }]
`;

describe('outrider inject', () => {
  it('changes pods and nothing else, and says so', async () => {
    const { code, out, err } = await outrider(withSettings('-f', '-'), OTHERS + DEPLOYMENT);
    expect({ code, err }).toEqual({ code: 0, err: 'outrider inject: Deployment shop/web: injected\n' });
    expect(out.slice(0, OTHERS.length)).toBe(OTHERS);
    const changed = out.slice(OTHERS.length);
    expect(changed).toMatch(/^---\n# Source: charts\/web\napiVersion: apps\/v1\n/);
    const { spec, metadata } = load(changed) as { spec: { template: Pod }; metadata: object };
    expect(metadata).toMatchObject({ annotations: { mode: '0644', answer: 'yes' } });
    expect(spec.template.metadata.labels).toEqual({ app: 'web', 'outrider.dev/sidecar': 'true' });
    expect(spec.template.spec.initContainers?.map(({ name }) => name)).toEqual(['outrider']);
    // Octal, as kubectl reads it.
    expect(spec.template.spec.volumes?.[0]).toMatchObject({ configMap: { defaultMode: 420 } });

    const again = await outrider(withSettings('-f', '-'), out);
    expect(again).toEqual({
      code: 0,
      out,
      err: 'outrider inject: Deployment shop/web: has everything already\n',
    });
  });

  it('joins files, and takes flags over the file', async () => {
    const files = [OTHERS, 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a}]}'];
    const names = files.map((content, i) => {
      const file = path.join(directory, `${i}.yaml`);
      writeFileSync(file, content);
      return file;
    });
    const { code, out } = await outrider(withSettings('--startup', 'Proceed', '-f', ...names));
    expect(code).toBe(0);
    const documents = loadAll(out) as { kind?: string; spec: Pod['spec'] }[];
    expect(documents.map((document) => document?.kind)).toEqual(['Service', undefined, 'ConfigMap', 'Pod']);
    expect(JSON.stringify(documents[3]?.spec.initContainers)).toContain('"Proceed"');
  });

  it('prints nothing where a pod cannot be injected as it asks', async () => {
    const pod = (annotation: string) =>
      `---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {${annotation}}}\nspec: {containers: [{name: a}]}\n`;
    const input = pod('outrider.dev/port: "80"') + pod('outrider.dev/port: 4100') + DEPLOYMENT;
    expect(await outrider(withSettings('-f', '-'), input)).toEqual({
      code: 1,
      out: '',
      err: [
        'outrider inject: Pod default/p: annotation outrider.dev/port is "80"; it must be a port from 1024 to 65535',
        'outrider inject: Pod default/p: annotations: outrider.dev/port is 4100; it must be text, in quotes',
        'outrider inject: Deployment shop/web: injected\n',
      ].join('\n'),
    });
  });

  it.each([
    [[], '-f FILE is required; - is standard input'],
    [['--policy', '-f', 'x'], '--policy takes no manifests'],
    [['-f', '-', '--startup', 'wait'], '--startup is "wait"; it must be Wait or Proceed'],
  ])('explains wrong usage: %j', (args, message) => {
    expect(() => readArguments(args, {})).toThrow(message);
  });

  it('tells what it cannot begin with', async () => {
    const absent = await outrider(withSettings('-f', 'absent.yaml'));
    const err = "outrider inject: ENOENT: no such file or directory, open 'absent.yaml'\n";
    expect(absent).toEqual({ code: 2, out: '', err });
    const incomplete = await outrider(['-f', '-']);
    expect(incomplete).toMatchObject({ code: 2, out: '' });
    expect(incomplete.err).toMatch(
      /: settings: image is required; .*; operatorUrl is required; .*; give --image and --operator, or --settings\n$/,
    );
  });

  it('names the line that cannot be read', async () => {
    const { code, out, err } = await outrider(withSettings('-f', '-'), `${OTHERS}---\na: b\nc: [\n`);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^outrider inject: <stdin>:20: /);
  });

  it('says that there was nothing to do', async () => {
    expect(await outrider(withSettings('-f', '-'), OTHERS)).toEqual({
      code: 0,
      out: OTHERS,
      err: 'outrider inject: no pods in the manifests\n',
    });
  });

  it('prints the policies that do the same', async () => {
    const { code, out } = await outrider(withSettings('--policy'));
    expect(code).toBe(0);
    expect(loadAll(out)).toEqual(injectionPolicies({ settings: settingsWith() }));
  });
});

describe('the pods of each kind', () => {
  const settings = settingsWith();
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web' }] } };
  const optedIn = { name: 'default', labels: { 'outrider.dev/injection': 'enabled' } };
  const injected = (inject(template, optedIn, settings) as { pod: Pod }).pod;

  it.each([
    ['v1', 'Pod', (pod: object) => pod],
    ['v1', 'PodTemplate', (pod: object) => ({ template: pod })],
    ['v1', 'ReplicationController', (pod: object) => ({ spec: { template: pod } })],
    ['apps/v1', 'Deployment', (pod: object) => ({ spec: { replicas: 2, template: pod } })],
    ['apps/v1', 'StatefulSet', (pod: object) => ({ spec: { template: pod } })],
    ['apps/v1', 'DaemonSet', (pod: object) => ({ spec: { template: pod } })],
    ['apps/v1', 'ReplicaSet', (pod: object) => ({ spec: { template: pod } })],
    ['batch/v1', 'Job', (pod: object) => ({ spec: { template: pod } })],
    ['batch/v1', 'CronJob', (pod: object) => ({ spec: { jobTemplate: { spec: { template: pod } } } })],
  ])('%s %s', (apiVersion, kind, around) => {
    const given = { apiVersion, kind, ...around(template) };
    const wanted = { apiVersion, kind, ...around(injected) };
    expect(injectAll(given, settings).value).toEqual(wanted);
    const list = (item: object) => ({ apiVersion: 'v1', kind: 'List', items: [{ kind: 'Secret' }, item] });
    expect(injectAll(list(given), settings).value).toEqual(list(wanted));
  });

  it.each([
    ['a kind of another group', { apiVersion: 'example.com/v1', kind: 'Deployment', spec: { template } }],
    ['no object', 5],
    ['nothing', undefined],
    ['a list of nothing', { kind: 'List', items: [null] }],
  ])('leaves %s alone', (_, value) => {
    expect(injectAll(value, settings)).toEqual({ value, outcomes: [] });
  });

  it.each([[{}], [{ spec: null }], [{ spec: { template: { spec: { containers: [{ image: 'x' }] } } } }]])(
    'says that %j has no pod',
    (rest) => {
      const { outcomes } = injectAll({ apiVersion: 'apps/v1', kind: 'Deployment', ...rest }, settings);
      expect(outcomes).toEqual([
        {
          object: 'Deployment default/',
          injection: { outcome: 'Malformed', message: 'has no pod with named containers' },
        },
      ]);
    },
  );

  it('gives pods what admission gives them, in every golden case that opted in', () => {
    const names = readdirSync(GOLDEN).filter((file) => file.endsWith('.in.yaml'));
    let compared = 0;
    for (const file of names) {
      const { pod, namespace, settings: own } = readCase(readFileSync(path.join(GOLDEN, file), 'utf8'));
      const announced = Object.keys(namespace.labels).some((name) => name.startsWith('istio'));
      if (namespace.labels['outrider.dev/injection'] !== 'enabled' || announced) continue;
      const manifest = { ...pod, metadata: { ...pod.metadata, namespace: namespace.name } };
      const [outcome] = injectAll(manifest, own).outcomes;
      expect(outcome?.injection).toEqual(inject(manifest, namespace, own));
      compared += 1;
    }
    expect(compared).toBeGreaterThan(35);
  });
});

describe('documents', () => {
  it('come out byte for byte', () => {
    const piece = fc.constantFrom(
      'a: 1\n',
      '---\n',
      '--- # c\n',
      '# c\n',
      '\n',
      'a: |\n  ---\n',
      '--- {a: b}\n',
      '---\r\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const cut = cutDocuments(pieces.join(''));
        fc.pre('documents' in cut);
        expect(cut.documents.map(({ text }) => text).join('')).toBe(pieces.join(''));
        const values = cut.documents.map(({ value }) => value).filter((value) => value != null);
        expect(values).toEqual(parseDocuments(pieces.join('')).documents.map(({ value }) => value));
      }),
    );
  });

  it('say the same to kubectl when they are written anew', () => {
    const scalar = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'yes',
        'on',
        'n',
        '0644',
        '0o17',
        '1e3',
        '~',
        'null',
        '<<',
        '12:30:45',
        '2026-01-01',
        '0x1F',
        '1_0',
        ' a ',
        'a\nb',
        '---',
        '# a',
      ),
      fc.integer(),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    const { value: any } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        scalar,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 3, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(any, (value) => {
        fc.pre(!JSON.stringify(value).includes('__proto__'));
        const document = { a: value };
        const written = rewritten({ text: '---\n# first\nb: c\n', value: {} }, document);
        expect(written).toMatch(/^---\n# first\na:/);
        expect(JSON.stringify(parseDocuments(written).documents[0]?.value)).toBe(JSON.stringify(document));
        const json = rewritten({ text: '{"b": "c"}', value: {} }, document);
        expect(JSON.stringify(JSON.parse(json))).toBe(JSON.stringify(document));
      }),
    );
  });
});
