/** The embedded API server under the real kubectl, with the product's own kinds. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { allCrds } from '../../../crds/definitions.ts';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { Client, type Json } from './support/client.ts';
import { describeWithKubectl, Kubectl, type Outcome, type RunOptions } from './support/kubectl.ts';
import { condition } from './support/scenario.ts';

const ROUTES = '/apis/outrider.dev/v1alpha1/namespaces/default/llmroutes';

const route = (name: string, more = ''): string => `
apiVersion: outrider.dev/v1alpha1
kind: LLMRoute
metadata:
  name: ${name}
spec:
  models: [${name}]
  rules:
  - name: main
    targets:
    - {name: first, provider: {name: openai}}
${more}`;

describeWithKubectl('kubectl', () => {
  let server: ApiServer;
  let client: Client;
  let cli: Kubectl;
  const kubectl = (...args: string[]): Promise<Outcome> => cli.run(args);
  const piped = (input: string, ...args: string[]): Promise<Outcome> => cli.run(args, { input });
  const apply = (input: string, ...args: string[]): Promise<Outcome> =>
    piped(input, 'apply', '-f', '-', ...args);
  const done = (stdout: string): Outcome => ({ code: 0, stdout: `${stdout}\n`, stderr: '' });
  const stored = async (name: string): Promise<Json> => (await client.get(`${ROUTES}/${name}`)).body;

  beforeAll(async () => {
    server = await startApiServer({ crds: allCrds() });
    client = new Client(server);
    cli = new Kubectl(server.kubeconfig());
  });
  afterAll(async () => {
    cli.close();
    client.close();
    await server.close();
  });
  beforeEach(async () => {
    await client.delete(ROUTES);
    await client.delete(ROUTES.replace('llmroutes', 'llmproviders'));
  });

  it('apply creates, leaves alone, and configures', async () => {
    expect(await apply(route('a'))).toEqual(done('llmroute.outrider.dev/a created'));
    expect(await apply(route('a'))).toEqual(done('llmroute.outrider.dev/a unchanged'));
    expect(await apply(route('a').replace('[a]', '[a, b]'))).toEqual(
      done('llmroute.outrider.dev/a configured'),
    );
    expect((await stored('a')).spec.models).toEqual(['a', 'b']);
    const removed = route('a').replace('spec:', 'spec:\n  workloadSelector: {matchLabels: {app: shop}}');
    await apply(removed);
    expect((await stored('a')).spec.workloadSelector).toEqual({ matchLabels: { app: 'shop' } });
    await apply(route('a'));
    expect((await stored('a')).spec.workloadSelector).toBeUndefined();
  });

  it('apply takes the quickstart whole', async () => {
    const files = ['providers.yaml', 'route.yaml'].map((file) =>
      readFileSync(new URL(`../../../examples/quickstart/${file}`, import.meta.url), 'utf8'),
    );
    const { code, stderr, stdout } = await apply(files.join('\n---\n'));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/llmprovider\.outrider\.dev\/\S+ created/);
    expect(stdout).toMatch(/llmroute\.outrider\.dev\/\S+ created/);
  });

  it('apply of an invalid object says what is wrong', async () => {
    const { code, stderr } = await apply(route('a').replace('[a]', '[]').replace('name: main', 'name: Main'));
    expect(code).toBe(1);
    expect(stderr).toContain('The LLMRoute "a" is invalid');
    expect(stderr).toContain(
      'spec.models: Invalid value: 0: spec.models in body should have at least 1 items',
    );
    expect(stderr).toContain('spec.rules[0].name: Invalid value: "Main"');
    const twice = await apply(route('a', '    - {name: first, provider: {name: other}}'));
    expect(twice.stderr).toMatch(/spec\.rules\[0\]\.targets.*: target names must be unique within a rule/);
  });

  it('apply refuses fields nobody knows', async () => {
    const { code, stderr } = await apply(route('a').replace('spec:', 'spec:\n  modles: [x]'));
    expect(code).toBe(1);
    expect(stderr).toContain('strict decoding error: unknown field "spec.modles"');
  });

  it('apply --server-side with two managers: conflict, then force', async () => {
    const as = (manager: string, text: string, ...args: string[]) =>
      apply(text, '--server-side', `--field-manager=${manager}`, ...args);
    expect(await as('one', route('a'))).toEqual(done('llmroute.outrider.dev/a serverside-applied'));
    const other = route('a').replace('[a]', '[z]');
    const conflict = await as('two', other);
    expect(conflict.code).toBe(1);
    expect(conflict.stderr).toContain('Apply failed with 1 conflict: conflict with "one": .spec.models');
    expect(conflict.stderr).toContain('--force-conflicts');
    expect((await as('two', other, '--force-conflicts')).code).toBe(0);
    expect((await stored('a')).spec.models).toEqual(['z']);
    const shown = await kubectl('get', 'llmr', 'a', '-o', 'yaml', '--show-managed-fields');
    expect(shown.stdout).toMatch(/manager: one/);
    expect(shown.stdout).toMatch(/manager: two/);
  });

  it('apply --server-side takes over what a plain apply made', async () => {
    await apply(route('a'));
    const { code, stderr } = await apply(route('a').replace('[a]', '[z]'), '--server-side');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect((await stored('a')).spec.models).toEqual(['z']);
  });

  it('apply --dry-run=server and diff show what would be', async () => {
    await apply(route('a'));
    const changed = route('a').replace('[a]', '[z]');
    expect((await apply(changed, '--dry-run=server')).stdout).toBe(
      'llmroute.outrider.dev/a configured (server dry run)\n',
    );
    const diff = await piped(changed, 'diff', '-f', '-');
    expect(diff.code).toBe(1);
    expect(diff.stdout).toMatch(/^-\s+- a$/m);
    expect(diff.stdout).toMatch(/^\+\s+- z$/m);
    expect((await stored('a')).spec.models).toEqual(['a']);
  });

  it('get shows the columns, wide ones on demand', async () => {
    await apply(route('a'));
    await client.merge(`${ROUTES}/a/status`, {
      status: {
        conditions: [condition('Ready', 'True', { reason: 'Programmed' })],
        proxies: { expected: 2, connected: 2, programmed: 2, stale: 0, rejectedCount: 0 },
      },
    });
    const [header, row] = (await kubectl('get', 'llmr')).stdout.split('\n');
    expect(header?.split(/ {2,}/).map((name) => name.trim())).toEqual([
      'NAME',
      'MODELS',
      'READY',
      'REASON',
      'PROGRAMMED',
      'PROXIES',
      'AGE',
    ]);
    expect(row).toMatch(/^a +\["a"\] +True +Programmed +2 +2 +\d+s$/);
    const wide = (await kubectl('get', 'llmroutes', '-o', 'wide')).stdout;
    expect(wide).toContain('STALE');
    expect(wide).toContain('REJECTED');
    expect((await kubectl('get', 'outrider')).stdout).toContain('llmroute.outrider.dev/a');
    expect((await kubectl('get', 'llmr', '-A', '--no-headers')).stdout).toMatch(/^default +a /);
  });

  it('get -o yaml, json, name, jsonpath, by label and by field', async () => {
    await apply(route('a'));
    await apply(route('b'));
    await kubectl('label', 'llmr', 'b', 'team=shop');
    const json = JSON.parse((await kubectl('get', 'llmr', 'a', '-o', 'json')).stdout);
    expect(json).toMatchObject({
      apiVersion: 'outrider.dev/v1alpha1',
      kind: 'LLMRoute',
      spec: { models: ['a'] },
    });
    expect((await kubectl('get', 'llmr', 'a', '-o', 'yaml')).stdout).toContain('kind: LLMRoute\n');
    const list = JSON.parse((await kubectl('get', 'llmr', '-o', 'json')).stdout);
    expect(list.items).toHaveLength(2);
    expect((await kubectl('get', 'llmr', '-l', 'team=shop', '-o', 'name')).stdout).toBe(
      'llmroute.outrider.dev/b\n',
    );
    expect((await kubectl('get', 'llmr', '--field-selector', 'metadata.name=a', '-o', 'name')).stdout).toBe(
      'llmroute.outrider.dev/a\n',
    );
    expect((await kubectl('get', 'llmr', 'a', '-o', 'jsonpath={.spec.rules[0].name}')).stdout).toBe('main');
    const absent = await kubectl('get', 'llmr', 'absent');
    expect(absent.stderr).toBe('Error from server (NotFound): llmroutes.outrider.dev "absent" not found\n');
  });

  it('describe shows the object and its events', async () => {
    await apply(route('a'));
    const { metadata, apiVersion, kind } = await stored('a');
    await client.post('/api/v1/namespaces/default/events', {
      metadata: { name: 'a.1' },
      involvedObject: { apiVersion, kind, namespace: 'default', name: 'a', uid: metadata.uid },
      reason: 'Rejected',
      message: 'a sidecar said no',
      type: 'Warning',
      count: 1,
      firstTimestamp: new Date().toISOString().replace(/\.\d+/, ''),
      lastTimestamp: new Date().toISOString().replace(/\.\d+/, ''),
      source: { component: 'outrider' },
    });
    const { stdout } = await kubectl('describe', 'llmr', 'a');
    expect(stdout).toMatch(/^Kind: +LLMRoute$/m);
    expect(stdout).toMatch(/Warning +Rejected +\S+( ago)? +outrider +a sidecar said no/);
    expect((await kubectl('get', 'events')).stdout).toMatch(/Warning +Rejected +a +a sidecar said no/);
  });

  it('wait ends on the condition, on deletion, and in time', async () => {
    await apply(route('a'));
    const never = await kubectl('wait', '--for=condition=Programmed', 'llmr/a', '--timeout=1s');
    expect(never).toMatchObject({
      code: 1,
      stderr: 'error: timed out waiting for the condition on llmroutes/a\n',
    });
    const waiting = kubectl('wait', '--for=condition=Programmed', 'llmr/a', '--timeout=20s');
    await client.merge(`${ROUTES}/a/status`, { status: { conditions: [condition('Programmed')] } });
    expect(await waiting).toEqual(done('llmroute.outrider.dev/a condition met'));
    const gone = kubectl('wait', '--for=delete', 'llmr/a', '--timeout=20s');
    await client.delete(`${ROUTES}/a`);
    expect((await gone).code).toBe(0);
  });

  it('explain reads the schema', async () => {
    const { stdout } = await kubectl('explain', 'llmroute.spec.rules');
    expect(stdout).toMatch(/KIND: +LLMRoute\nVERSION: +v1alpha1\n\nFIELD: rules <\[\]Object>/);
    expect(stdout).toMatch(/targets\t<\[\]Object> -required-/);
    expect((await kubectl('explain', 'llmp.spec.credentials.secretRef.key')).stdout).toContain(
      'FIELD: key <string>',
    );
    expect((await kubectl('explain', 'llmr.metadata.labels')).code).toBe(0);
    expect((await kubectl('explain', 'configmap.data')).stdout).toContain('FIELD: data <map[string]string>');
    expect((await kubectl('explain', 'llmroute.spec.nothing')).code).toBe(1);
  });

  it('patch by merge and JSON; a strategic one is refused', async () => {
    await apply(route('a'));
    const merged = await kubectl('patch', 'llmr', 'a', '--type=merge', '-p', '{"spec":{"models":["m"]}}');
    expect(merged).toEqual(done('llmroute.outrider.dev/a patched'));
    const replaced = await kubectl(
      'patch',
      'llmr',
      'a',
      '--type=json',
      '-p',
      '[{"op":"add","path":"/spec/models/-","value":"n"}]',
    );
    expect(replaced.code).toBe(0);
    expect((await stored('a')).spec.models).toEqual(['m', 'n']);
    const strategic = await kubectl('patch', 'llmr', 'a', '-p', '{"spec":{"models":["z"]}}');
    expect(strategic.code).toBe(1);
    expect(strategic.stderr).toContain('application/strategic-merge-patch+json is not supported');
    const status = await kubectl(
      'patch',
      'llmr',
      'a',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"observedGeneration":7}}',
    );
    expect(status.code).toBe(0);
    expect((await stored('a')).status).toEqual({ observedGeneration: 7 });
  });

  it('edit saves what the editor wrote, and says why it cannot', async () => {
    await apply(route('a'));
    const editor = cli.file('editor', '#!/bin/sh\nsed -i "s/- a$/- edited/" "$1"\n', 0o700);
    const run = (options: RunOptions) => cli.run(['edit', 'llmr', 'a'], options);
    expect(await run({ env: { KUBE_EDITOR: editor } })).toEqual(done('llmroute.outrider.dev/a edited'));
    expect((await stored('a')).spec.models).toEqual(['edited']);
    const log = cli.file('log', '');
    const bad = cli.file(
      'bad-editor',
      `#!/bin/sh
cat "$1" >> ${log}
sed -i "s/: main/: MAIN/" "$1"
`,
      0o700,
    );
    const refused = await run({ env: { KUBE_EDITOR: bad } });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('llmroutes.outrider.dev "a" is invalid');
    expect(readFileSync(log, 'utf8')).toContain('spec.rules[0].name: Invalid value: "MAIN"');
  });

  it('label, annotate, replace', async () => {
    await apply(route('a'));
    expect((await kubectl('label', 'llmr', 'a', 'x=y')).stdout).toContain('labeled');
    expect((await kubectl('annotate', 'llmr', 'a', 'note=hello')).stdout).toContain('annotated');
    expect((await stored('a')).metadata).toMatchObject({
      labels: { x: 'y' },
      annotations: { note: 'hello' },
    });
    expect((await kubectl('label', 'llmr', 'a', 'x-')).stdout).toContain('unlabeled');
    expect((await stored('a')).metadata.labels).toBeUndefined();
    expect((await piped(route('a').replace('[a]', '[r]'), 'replace', '-f', '-')).code).toBe(0);
    expect((await stored('a')).spec.models).toEqual(['r']);
    expect((await kubectl('label', 'namespace', 'default', 'outrider.dev/injection=enabled')).code).toBe(0);
  });

  it('delete one, by file, and all', async () => {
    await apply([route('a'), route('b'), route('c'), route('d')].join('\n---\n'));
    const one = await kubectl('delete', 'llmr', 'a');
    expect(one.stdout).toMatch(/^llmroute\.outrider\.dev "a" deleted/);
    expect((await piped(route('b'), 'delete', '-f', '-')).code).toBe(0);
    const rest = await kubectl('delete', 'llmr', '--all');
    expect(rest.stdout.trim().split('\n')).toHaveLength(2);
    expect((await kubectl('get', 'llmr')).stderr).toBe('No resources found in default namespace.\n');
    const absent = await kubectl('delete', 'llmr', 'a');
    expect(absent).toMatchObject({ code: 1 });
    expect((await kubectl('delete', 'llmr', 'a', '--ignore-not-found')).code).toBe(0);
  });

  it('get -w prints a line for every change', async () => {
    await apply(route('a'));
    const child = cli.start(['get', 'llmr', '-w', '--no-headers']);
    let seen = '';
    child.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    const lines = async (count: number): Promise<string[]> => {
      await expect.poll(() => seen.split('\n').length).toBeGreaterThan(count);
      return seen.split('\n').slice(0, -1);
    };
    await lines(1);
    await client.merge(`${ROUTES}/a/status`, {
      status: { conditions: [condition('Ready', 'False', { reason: 'NoProxies' })] },
    });
    await client.delete(`${ROUTES}/a`);
    const printed = await lines(3);
    child.kill();
    expect(printed[0]).toMatch(/^a +\["a"\] +\d+s$/);
    expect(printed[1]).toMatch(/^a +\["a"\] +False +NoProxies +\d+s$/);
    expect(printed[2]).toMatch(/^a /);
  });

  it('built-in kinds are applied twice, labelled and shown', async () => {
    const labels = '{outrider.dev/provider-credential: "true"}';
    const secret = (value: string) => `
apiVersion: v1
kind: Secret
metadata: {name: keys, labels: ${labels}}
stringData: {main: ${value}}`;
    expect((await apply(secret('one'))).stdout).toBe('secret/keys created\n');
    expect((await apply(secret('two'))).stdout).toBe('secret/keys configured\n');
    expect((await kubectl('get', 'secret', 'keys', '-o', 'jsonpath={.data.main}')).stdout).toBe('dHdv');
    expect((await kubectl('get', 'secret', 'keys', '--no-headers')).stdout).toMatch(
      /^keys +Opaque +1 +\d+s$/m,
    );
    const map = (data: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: m}
data: {${data}}`;
    await apply(map('a: "1", b: "2"'));
    await apply(map('b: "3"'));
    expect(JSON.parse((await kubectl('get', 'cm', 'm', '-o', 'jsonpath={.data}')).stdout)).toEqual({
      b: '3',
    });
    expect((await kubectl('describe', 'cm', 'm')).stdout).toContain('Name:         m');
    expect((await apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}')).code).toBe(0);
    expect((await kubectl('get', 'ns', 'shop', '--no-headers')).stdout).toMatch(/^shop +Active +\d+s$/m);
    await apply(route('inside'), '-n', 'shop');
    expect((await kubectl('delete', 'ns', 'shop')).code).toBe(0);
    expect((await kubectl('get', 'llmr', '-n', 'shop')).stderr).toContain('No resources found');
  });

  it('pods are labelled and shown, never strategically patched', async () => {
    await client.post('/api/v1/namespaces/default/pods', {
      metadata: { name: 'app', labels: { app: 'shop' } },
      spec: { containers: [{ name: 'app', image: 'x' }] },
    });
    expect((await kubectl('label', 'pod', 'app', 'tier=gold')).code).toBe(0);
    expect((await kubectl('get', 'pods', '-l', 'tier=gold', '--no-headers')).stdout).toMatch(
      /^app +(<none> +)?Pending +\d+s$/m,
    );
    const patched = await kubectl('patch', 'pod', 'app', '-p', '{"metadata":{"labels":{"x":"y"}}}');
    expect(patched.code).toBe(1);
    expect((await kubectl('delete', 'pod', 'app', '--wait=true', '--timeout=10s')).code).toBe(0);
  });

  it('create of typed objects, which kubectl sends as protobuf, is told another way', async () => {
    const { code, stderr } = await kubectl('create', 'secret', 'generic', 's', '--from-literal=a=b');
    expect(code).toBe(1);
    expect(stderr).toContain('--dry-run=client -o yaml | kubectl apply -f -');
    const dry = await kubectl(
      'create',
      'secret',
      'generic',
      's',
      '--from-literal=a=b',
      '--dry-run=client',
      '-o',
      'yaml',
    );
    expect(await apply(dry.stdout)).toEqual(done('secret/s created'));
  });

  it('finds its way by discovery', async () => {
    const { stdout } = await kubectl('api-resources', '--api-group=outrider.dev', '--no-headers');
    expect(stdout).toMatch(/llmproviders +llmp +outrider.dev\/v1alpha1 +true +LLMProvider/);
    expect(stdout).toMatch(/llmpolicies +llmpol +outrider.dev\/v1alpha1 +true +LLMPolicy/);
    expect(stdout).toMatch(/llmroutes +llmr +outrider.dev\/v1alpha1 +true +LLMRoute/);
    expect((await kubectl('version', '-o', 'json')).stdout).toContain('v1.36.0-outrider');
    expect((await kubectl('get', '--raw', '/readyz')).stdout).toBe('ok');
  });
});
