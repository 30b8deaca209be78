import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compile } from '../../../operator/compile/compile.ts';
import { FileSource, type FileSourceOptions } from '../../../operator/watch/file-source.ts';
import { silentLog } from '../../../operator/watch/log.ts';
import type { SourceChange } from '../../../operator/watch/source.ts';
import { systemClock } from '../../../sidecar/snapshot/clock.ts';
import { until } from '../support/manual-clock.ts';

let dir: string;
let source: FileSource;
let changes: SourceChange[];
let reloads: number;

const file = (name: string) => path.join(dir, name);
const write = (name: string, text: string) => writeFileSync(file(name), text);

function route(name: string, { model = 'm', namespace = 'shop' } = {}): string {
  return `apiVersion: outrider.dev/v1alpha1
kind: LLMRoute
metadata: { name: ${name}${namespace ? `, namespace: ${namespace}` : ''} }
spec:
  models: [${name}]
  rules:
  - name: all
    targets:
    - { name: t, provider: { name: p }, model: ${model} }
`;
}

const PROVIDER = `apiVersion: outrider.dev/v1alpha1
kind: LLMProvider
metadata: { name: p, namespace: shop }
spec:
  type: OpenAI
  credentials:
  - name: main
    type: APIKey
    secretRef: { name: open-ai, key: api.key }
  - name: spare
    type: APIKey
    secretRef: { name: open-ai, key: OPENAI_API_KEY }
`;

async function start(options: Partial<FileSourceOptions> = {}): Promise<void> {
  source = new FileSource({ paths: [dir], clock: systemClock, log: silentLog, env: {}, ...options });
  source.onChange((change) => changes.push(change));
  source.onReload(() => {
    reloads += 1;
  });
  await source.start();
  await source.synced;
  changes.length = 0;
  reloads = 0;
}

const models = () =>
  Object.fromEntries(
    source
      .resources()
      .routes.map((r) => [`${r.metadata.namespace}/${r.metadata.name}`, r.spec?.rules[0]?.targets[0]?.model]),
  );

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'outrider-files-'));
  changes = [];
});

afterEach(async () => {
  await source.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe('reading', () => {
  it('takes routes, providers, Secrets and Namespaces, and leaves the rest of a directory alone', async () => {
    write('a.yaml', `${route('a')}---\n${PROVIDER}`);
    mkdirSync(file('sub'));
    write(
      'sub/b.yml',
      `${route('b', { namespace: '' })}---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { team: x } }
---
apiVersion: v1
kind: Secret
metadata: { name: s, namespace: shop, labels: { outrider.dev/provider-credential: "true" }, resourceVersion: "7" }
stringData: { k: v }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: d }
`,
    );
    write('notes.txt', 'not a manifest');
    await start();
    const { routes, providers, secrets, namespaces, pods } = source.resources();
    expect(routes.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
      'shop/a',
      'default/b',
    ]);
    expect(providers).toHaveLength(1);
    expect(secrets).toHaveLength(1);
    expect(secrets[0]).toMatchObject({ stringData: { k: 'v' } });
    expect(secrets[0]?.metadata.resourceVersion).toBeUndefined();
    expect(pods).toEqual([]);
    expect(Object.fromEntries(namespaces.map(({ name, labels }) => [name, labels]))).toEqual({
      shop: { team: 'x', 'kubernetes.io/metadata.name': 'shop' },
      default: { 'kubernetes.io/metadata.name': 'default' },
    });
    expect(source.object('LLMRoute', 'shop/a')).toBe(routes[0]);
  });

  it('numbers generations by spec and keeps the uid', async () => {
    write('a.yaml', route('a'));
    await start();
    const first = source.resources().routes[0]?.metadata;
    write('a.yaml', route('a', { model: 'other' }));
    await until(() => changes.length > 0);
    const second = source.resources().routes[0]?.metadata;
    expect([first?.generation, second?.generation]).toEqual([1, 2]);
    expect(second?.uid).toBe(first?.uid);
    expect(changes).toEqual([{ kind: 'LLMRoute', key: 'shop/a', effect: 'Content', uid: '' }]);
  });

  it('is synced, with a problem, even where nothing is there, and takes what comes later', async () => {
    await start({ paths: [file('later.yaml')] });
    expect(source.resources().routes).toEqual([]);
    expect(source.problems()).toMatchObject([{ file: file('later.yaml'), line: 0 }]);
    expect(source.health()[0]).toMatchObject({ synced: true });
    write('later.yaml', route('a'));
    await until(() => 'shop/a' in models());
    expect(source.problems()).toEqual([]);
  });
});

describe('keys from the environment', () => {
  it('names the variables that would have been taken', async () => {
    write('p.yaml', PROVIDER);
    await start();
    expect(source.problems()).toEqual([
      {
        file: file('p.yaml'),
        line: 9,
        subject: 'LLMProvider shop/p spec.credentials[0].secretRef',
        message:
          'no Secret "open-ai" with key "api.key" is in the manifests; add one, or set OUTRIDER_SECRET_OPEN_AI_API_KEY',
      },
      {
        file: file('p.yaml'),
        line: 12,
        subject: 'LLMProvider shop/p spec.credentials[1].secretRef',
        message:
          'no Secret "open-ai" with key "OPENAI_API_KEY" is in the manifests; add one, or set OUTRIDER_SECRET_OPEN_AI_OPENAI_API_KEY or OPENAI_API_KEY',
      },
    ]);
  });

  it('reads them, the own name before the plain one, and compile may use them', async () => {
    write('p.yaml', `${PROVIDER}---\n${route('a', { model: 'gpt-5-mini' })}`);
    await start({ env: { OUTRIDER_SECRET_OPEN_AI_API_KEY: 'sk-own', OPENAI_API_KEY: 'sk-plain' } });
    expect(source.problems()).toEqual([]);
    const compiled = compile(source.resources(), { platformNamespaces: [], now: 0 });
    const pod = { namespace: 'shop', name: 'x', uid: 'x', labels: {} };
    expect(compiled.credentialsFor(pod).credentials).toEqual([
      { id: 'shop/p/main', value: 'sk-own' },
      { id: 'shop/p/spare', value: 'sk-plain' },
    ]);
  });

  it('prefers the manifests, and never gives a Secret without the label a key', async () => {
    const secret = (labels: string) =>
      `apiVersion: v1\nkind: Secret\nmetadata: { name: open-ai, namespace: shop${labels} }\nstringData: { api.key: from-file }\n`;
    write('p.yaml', PROVIDER);
    write('s.yaml', secret(', labels: { outrider.dev/provider-credential: "true" }'));
    await start({ env: { OUTRIDER_SECRET_OPEN_AI_API_KEY: 'from-env', OPENAI_API_KEY: 'from-env' } });
    expect(source.resources().secrets[0]?.stringData).toEqual({
      'api.key': 'from-file',
      OPENAI_API_KEY: 'from-env',
    });
    write('s.yaml', secret(''));
    await until(() => reloads > 0);
    expect(source.resources().secrets[0]?.metadata.labels).toBeUndefined();
  });
});

describe('changes', () => {
  it('follows atomic renames, as editors save', async () => {
    write('a.yaml', route('a'));
    await start({ paths: [file('a.yaml')] });
    for (const model of ['second', 'third']) {
      write('.a.yaml.swp', route('a', { model }));
      renameSync(file('.a.yaml.swp'), file('a.yaml'));
      await until(() => models()['shop/a'] === model, model);
      expect(source.problems()).toEqual([]);
    }
  });

  it('follows a mounted ConfigMap: a link to a directory that is swapped', async () => {
    for (const version of ['v1', 'v2']) {
      mkdirSync(file(`..${version}`));
      write(`..${version}/a.yaml`, route('a', { model: version }));
    }
    symlinkSync('..v1', file('..data'));
    symlinkSync('..data/a.yaml', file('a.yaml'));
    await start();
    expect(models()).toEqual({ 'shop/a': 'v1' });
    symlinkSync('..v2', file('..data_tmp'));
    renameSync(file('..data_tmp'), file('..data'));
    await until(() => models()['shop/a'] === 'v2');
  });

  it('follows files and directories that come and go', async () => {
    write('a.yaml', route('a'));
    await start();
    mkdirSync(file('sub'));
    write('sub/b.yaml', route('b'));
    await until(() => 'shop/b' in models());
    write('sub/c.yaml', route('c'));
    await until(() => 'shop/c' in models());
    unlinkSync(file('a.yaml'));
    await until(() => !('shop/a' in models()));
    expect(Object.keys(models())).toEqual(['shop/b', 'shop/c']);
  });

  it('notices by looking what no notification tells of', async () => {
    const other = mkdtempSync(path.join(tmpdir(), 'outrider-files-'));
    writeFileSync(path.join(other, 'a.yaml'), route('a'));
    // The link stays as it is; what changes lies in a directory that is not watched.
    symlinkSync(path.join(other, 'a.yaml'), file('a.yaml'));
    await start({ pollMs: 10 });
    writeFileSync(path.join(other, 'a.yaml'), route('a', { model: 'changed' }));
    await until(() => models()['shop/a'] === 'changed');
    expect(reloads).toBe(1);
    rmSync(other, { recursive: true });
  });

  it('reads nothing again while nothing changes', async () => {
    write('a.yaml', route('a'));
    await start({ pollMs: 5 });
    write('irrelevant.txt', 'x');
    for (let i = 0; i < 5; i += 1) await new Promise((done) => setTimeout(done, 6));
    write('b.yaml', route('b'));
    await until(() => 'shop/b' in models());
    expect(reloads).toBe(1);
  });
});

describe('mistakes', () => {
  it('keeps the objects of a file that cannot be parsed, says where, and recovers', async () => {
    write('a.yaml', `${route('a')}---\n${route('a2')}`);
    write('b.yaml', route('b'));
    await start();
    write('a.yaml', `${route('a', { model: 'new' })}---\nkind: [unclosed\n`);
    write('b.yaml', route('b', { model: 'new' }));
    await until(() => models()['shop/b'] === 'new' && source.problems().length > 0);
    expect(models()).toEqual({ 'shop/a': 'm', 'shop/a2': 'm', 'shop/b': 'new' });
    expect(source.problems()[0]).toMatchObject({ file: file('a.yaml') });
    expect(source.problems()[0]?.line).toBeGreaterThan(8);
    expect(source.health()[0]?.error).toContain('a.yaml:');
    write('a.yaml', route('a', { model: 'newer' }));
    await until(() => models()['shop/a'] === 'newer');
    expect(models()).toEqual({ 'shop/a': 'newer', 'shop/b': 'new' });
    expect(source.problems()).toEqual([]);
  });

  it('keeps the last valid version of an object, and names file, line and field', async () => {
    write('a.yaml', `${route('a')}---\n${route('a2')}`);
    await start();
    const broken = route('a').replace('model: m', 'model: m, weight: many');
    write('a.yaml', `${broken}---\n${route('a2', { model: 'new' })}`);
    await until(() => models()['shop/a2'] === 'new');
    expect(models()['shop/a']).toBe('m');
    expect(source.problems()).toMatchObject([
      {
        file: file('a.yaml'),
        line: 9,
        subject: 'LLMRoute shop/a spec.rules[0].targets[0].weight',
      },
    ]);
  });

  it('passes on an object that never was valid, so that its own status says so', async () => {
    write('a.yaml', route('a').replace('rules:', 'rulez:'));
    write(
      'b.yaml',
      'apiVersion: v1\nkind: Secret\nmetadata: { name: 5 }\n---\napiVersion: outrider.dev/v1alpha1\n',
    );
    await start();
    const compiled = compile(source.resources(), { platformNamespaces: [], now: 0 });
    expect(compiled.verdicts[0]?.conditions[0]).toMatchObject({ type: 'Accepted', status: 'False' });
    expect(source.problems().length).toBeGreaterThan(1);
  });

  it('goes on after a listener that failed', async () => {
    write('a.yaml', route('a'));
    await start();
    let failures = 0;
    source.onReload(() => {
      failures += 1;
      throw new Error('cannot take it');
    });
    write('a.yaml', route('a', { model: 'two' }));
    await until(() => failures === 1);
    write('a.yaml', route('a', { model: 'three' }));
    await until(() => failures === 2);
    expect(models()).toEqual({ 'shop/a': 'three' });
  });

  it('keeps what a named file held while it is away', async () => {
    write('a.yaml', route('a'));
    await start({ paths: [file('a.yaml')] });
    unlinkSync(file('a.yaml'));
    await until(() => source.problems().length > 0);
    expect(models()).toEqual({ 'shop/a': 'm' });
  });
});
