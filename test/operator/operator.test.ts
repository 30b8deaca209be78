import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allCrds } from '../../crds/definitions.ts';
import type { LLMRouteStatus } from '../../crds/llmroute.ts';
import { type ApiServer, startApiServer } from '../../dev/api-server/server.ts';
import type { OperatorOptions, RunningOperator } from '../../operator/operator.ts';
import { FEATURES } from '../../sidecar/snapshot/schema.ts';
import { aProvider, aRoute, aSecret, ask, brief, Cluster, isMet, metric, runs } from './support/cluster.ts';
import { until } from './support/manual-clock.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

let api: ApiServer;
let cluster: Cluster;

beforeEach(async () => {
  api = await startApiServer({ crds: withoutRules(allCrds()), historyLimit: 20 });
  cluster = await Cluster.on(api);
  await cluster.namespace('shop');
});

afterEach(async () => {
  await cluster.stop();
  await api.close();
});

/** An operator, a provider and one sidecar that has what there is. */
async function started(options: Partial<OperatorOptions> = {}) {
  await cluster.create(aProvider());
  const operator = await cluster.operator(options);
  await operator.ready;
  const sidecar = await cluster.sidecar(operator, await cluster.pod('shop', 'web'));
  await until(() => sidecar.holder.hash !== '', 'the first snapshot');
  return { operator, sidecar };
}

const programmed = (name: string, wanted: string) =>
  cluster.status('LLMRoute', 'shop', name, (status) => brief(status) === wanted);

const writes = (operator: RunningOperator, kind = 'LLMRoute') =>
  metric(operator, 'outrider_operator_status_writes_total', `kind="${kind}"`);

/** The operator may be newer than the CRDs: what a rule of theirs refuses today, an API server may hold from before. */
function withoutRules<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value, (key, member: unknown) =>
      key === 'x-kubernetes-validations' ? undefined : member,
    ),
  ) as T;
}

/** A pattern that RE2 does not take. */
const BAD_RULE = { matches: [{ prompt: { pattern: '(?=x)' } }] };

describe('from apply to the sidecar and back', () => {
  it('brings a route to a sidecar and says so in the status', async () => {
    const operator = await cluster.operator();
    await operator.ready;
    const sidecar = await cluster.sidecar(operator, await cluster.pod('shop', 'web'));
    await cluster.create(aSecret('keys', 'sk-first'));
    await cluster.create(aProvider('shop', 'keys'));
    await cluster.create(aRoute('assistant'));
    const status = await programmed('assistant', 'True/Programmed@1');
    expect(sidecar.holder.effective?.routes.map(({ id }) => id)).toEqual(['route/shop/assistant']);
    expect(sidecar.credentials.current()?.credentials).toMatchObject([
      { id: 'shop/vendor/main', value: 'sk-first' },
    ]);
    expect(brief(status, 'Ready')).toBe('True/Ready@1');
    expect(status.proxies).toEqual({ expected: 1, connected: 1, programmed: 1, stale: 0, rejectedCount: 0 });
    await cluster.status('LLMProvider', 'shop', 'vendor', (s) => brief(s) === 'True/Programmed@1');
  });

  it('writes one status per object and transition, and none for what changes nothing', async () => {
    const { operator, sidecar } = await started();
    await cluster.create(aRoute('assistant'));
    await programmed('assistant', 'True/Programmed@1');
    expect(await writes(operator)).toBe(1);
    await cluster.apply(aRoute('assistant', { model: 'other' }));
    await programmed('assistant', 'True/Programmed@2');
    expect(await writes(operator)).toBe(2);
    const providerWrites = await writes(operator, 'LLMProvider');
    // Another route is a new snapshot for the sidecar, and no news about this one.
    await cluster.create(aRoute('other', { model: 'other' }));
    await programmed('other', 'True/Programmed@1');
    await runs(sidecar, 'route/shop/other', 1);
    expect(await writes(operator)).toBe(3);
    expect(await writes(operator, 'LLMProvider')).toBe(providerWrites);
  });

  it('puts back a status that someone else changed', async () => {
    const { operator } = await started();
    await cluster.create(aRoute('assistant'));
    await programmed('assistant', 'True/Programmed@1');
    const route = await cluster.get('LLMRoute', 'shop', 'assistant');
    const status = structuredClone(route?.status) as LLMRouteStatus;
    for (const condition of status.conditions ?? []) condition.status = 'Unknown';
    await cluster.api.json({
      method: 'PUT',
      path: '/apis/outrider.dev/v1alpha1/namespaces/shop/llmroutes/assistant/status',
      body: { ...route, status },
    });
    await programmed('assistant', 'True/Programmed@1');
    expect(await writes(operator)).toBe(2);
  });

  it('treats an object recreated under its name as another one', async () => {
    const { operator } = await started();
    await cluster.create(aRoute('assistant'));
    await programmed('assistant', 'True/Programmed@1');
    const first = await cluster.get('LLMRoute', 'shop', 'assistant');
    await cluster.remove('LLMRoute', 'shop', 'assistant');
    await cluster.create(aRoute('assistant', { rule: BAD_RULE }));
    await programmed('assistant', 'False/NotAccepted@1');
    expect((await cluster.get('LLMRoute', 'shop', 'assistant'))?.metadata.uid).not.toBe(first?.metadata.uid);
    expect(await metric(operator, 'outrider_operator_reconcile_total', 'result="Terminal"')).toBe(0);
  });

  it('rotates a key without a word in the status; the snapshot names its new version and no value', async () => {
    const { operator, sidecar } = await started();
    await cluster.apply(aSecret('keys', 'sk-first'));
    await cluster.apply(aProvider('shop', 'keys'));
    await cluster.create(aRoute('assistant'));
    await programmed('assistant', 'True/Programmed@1');
    const before = await writes(operator);
    await cluster.apply(aSecret('keys', 'sk-second'));
    await until(() => sidecar.credentials.current()?.credentials[0]?.value === 'sk-second', 'the new key');
    const { resourceVersion, uid } = (await cluster.get('Secret', 'shop', 'keys'))?.metadata ?? {};
    const version = `${uid}.${resourceVersion}`;
    const named = () => [...(sidecar.holder.effective?.providers.values() ?? [])][0]?.body?.credentials[0];
    await until(() => named()?.version === version, 'the new version');
    expect(sidecar.credentials.versionOf('shop/vendor/main')).toBe(version);
    expect(JSON.stringify(sidecar.holder.remembered())).not.toContain('sk-');
    expect(await writes(operator)).toBe(before);
    // Without the label the Secret is not there any more.
    await cluster.apply({ ...aSecret('keys', 'sk-second'), metadata: { name: 'keys', namespace: 'shop' } });
    await until(() => sidecar.credentials.current()?.credentials.length === 0, 'the withdrawal');
    const refused = await cluster.status(
      'LLMProvider',
      'shop',
      'vendor',
      (s) => brief(s, 'ResolvedRefs') === 'False/RefNotPermitted@2',
    );
    expect(brief(refused, 'Ready')).toBe('False/RefNotPermitted@2');
  });

  it('reads Secrets only where it was told to', async () => {
    await cluster.create(aSecret('keys', 'sk-first'));
    await cluster.create(aProvider('shop', 'keys'));
    const operator = await cluster.operator({ credentialsNamespaces: ['elsewhere'] });
    await operator.ready;
    await cluster.status(
      'LLMProvider',
      'shop',
      'vendor',
      (s) => brief(s, 'ResolvedRefs') === 'False/RefNotPermitted@1',
    );
    expect(await metric(operator, 'outrider_operator_watch_objects', 'secrets')).toBe(0);
  });
});

describe('bad routes', () => {
  it('turn False with a reason, and the sidecar keeps the version it has', async () => {
    const { sidecar } = await started();
    await cluster.create(aRoute('assistant'));
    await programmed('assistant', 'True/Programmed@1');
    await cluster.apply(aRoute('assistant', { rule: BAD_RULE }));
    const status = await programmed('assistant', 'False/NotAccepted@2');
    expect(status.conditions?.find(({ type }) => type === 'Programmed')?.message).toContain('(?=x)');
    expect(brief(status, 'Ready')).toBe('False/Invalid@2');
    await until(() => sidecar.holder.status().exceptions.length === 1, 'the exception');
    expect(sidecar.holder.status().exceptions[0]).toMatchObject({ state: 'Stale', runningGeneration: 1 });
    await runs(sidecar, 'route/shop/assistant', 1);
    await cluster.apply(aRoute('assistant', { model: 'mended' }));
    await programmed('assistant', 'True/Programmed@3');
    await runs(sidecar, 'route/shop/assistant', 3);
  });

  it('that a sidecar is too old for turn False, and True when it was replaced', async () => {
    const { operator, sidecar } = await started();
    const old = await cluster.pod('shop', 'old');
    await cluster.create(aRoute('assistant', { rule: { matches: [{ prompt: { pattern: 'x' } }] } }));
    await runs(sidecar, 'route/shop/assistant', 1);
    const report = (features: readonly string[], rejected: boolean) =>
      cluster.report(operator, old, {
        epoch: 'e',
        ack: {
          hash: sidecar.holder.hash,
          credentialsVersion: sidecar.credentials.version,
          exceptions: rejected
            ? [{ id: 'route/shop/assistant', state: 'Rejected', reason: 'needs feature match.prompt' }]
            : [],
        },
        rows: [],
        proxyVersion: 'old',
        features: [...features],
      });
    expect(await report([], true)).toBe(200);
    const status = await programmed('assistant', 'False/UnsupportedByProxy@1');
    expect(status.proxies).toEqual({
      expected: 2,
      connected: 2,
      programmed: 1,
      stale: 0,
      rejectedCount: 1,
      rejected: [{ pod: 'shop/old', item: 'route/shop/assistant', reason: 'needs feature match.prompt' }],
    });
    expect(await report(FEATURES, false)).toBe(200);
    await programmed('assistant', 'True/Programmed@1');
  });

  it('whose sidecar has not answered are Unknown, then True', async () => {
    const { operator } = await started({ waits: { reconnectWindowMs: 0, pendingGraceMs: 100 } });
    const late = await cluster.pod('shop', 'late');
    await cluster.create(aRoute('assistant'));
    const waiting = await programmed('assistant', 'Unknown/Pending@1');
    expect(waiting.conditions?.find(({ type }) => type === 'Programmed')?.message).toBe(
      'waiting for shop/late',
    );
    await cluster.sidecar(operator, late);
    await programmed('assistant', 'True/Programmed@1');
    expect(await writes(operator)).toBe(2);
  });

  it('without a pod to run on are True with NoProxies; a deleted pod is not waited for', async () => {
    const operator = await cluster.operator({ waits: { reconnectWindowMs: 0, pendingGraceMs: 50 } });
    await operator.ready;
    await cluster.create(aProvider());
    await cluster.create(aRoute('assistant'));
    await programmed('assistant', 'True/NoProxies@1');
    const pod = await cluster.pod('shop', 'gone');
    await cluster.apply(aRoute('assistant', { model: 'two' }));
    await programmed('assistant', 'Unknown/Pending@2');
    await cluster.remove('Pod', 'shop', pod.name);
    const status = await programmed('assistant', 'True/NoProxies@2');
    expect(status.proxies?.expected).toBe(0);
  });
});

const KUBECTL = ['/usr/local/kubebuilder/bin', ...(process.env.PATH ?? '').split(':')]
  .map((dir) => path.join(dir, 'kubectl'))
  .find((file) => existsSync(file));

describe('kubectl wait', () => {
  function kubectl(...args: string[]): Promise<{ code: number; text: string }> {
    const kubeconfig = path.join(cluster.directory, 'kubeconfig');
    writeFileSync(kubeconfig, api.kubeconfig());
    return new Promise((resolve) => {
      execFile(KUBECTL ?? '', ['--kubeconfig', kubeconfig, '-n', 'shop', ...args], (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, text: stdout + stderr }),
      );
    });
  }

  it.skipIf(!KUBECTL)(
    '(needs kubectl) ends well on a good route and does not hang on a bad one',
    async () => {
      const { sidecar } = await started();
      await cluster.create(aRoute('x'));
      const good = await kubectl('wait', '--for=condition=Programmed', 'llmr/x', '--timeout=10s');
      expect(good).toEqual({ code: 0, text: 'llmroute.outrider.dev/x condition met\n' });
      await runs(sidecar, 'route/shop/x', 1);
      // Started before the change: what was said of the generation before does not count.
      await cluster.apply(aRoute('x', { rule: BAD_RULE }));
      const bad = await kubectl('wait', '--for=condition=Programmed=False', 'llmr/x', '--timeout=10s');
      expect(bad.code).toBe(0);
      expect(isMet(await cluster.get('LLMRoute', 'shop', 'x'), 'Programmed')).toBe(false);
      const never = await kubectl('wait', '--for=condition=Programmed', 'llmr/x', '--timeout=1s');
      expect(never.code).toBe(1);
      expect(never.text).toContain('timed out');
      const shown = await kubectl('get', 'llmr', 'x');
      expect(shown.text).toMatch(/False +Invalid/);
    },
  );
});

describe('what may go wrong around it', () => {
  it('an API server that restarts: what is known goes on, what changed meanwhile is found', async () => {
    const proxy = await new TcpProxy(api.port).start();
    const kubeconfig = api.kubeconfig().replaceAll(`:${api.port}`, `:${proxy.port}`);
    await cluster.create(aProvider());
    const operator = await cluster.operator({}, kubeconfig);
    await operator.ready;
    const sidecar = await cluster.sidecar(operator, await cluster.pod('shop', 'web'));
    await cluster.create(aRoute('kept'));
    await cluster.create(aRoute('removed'));
    await programmed('removed', 'True/Programmed@1');
    await proxy.cut();
    await until(async () => (await metric(operator, 'outrider_operator_watch_restarts_total')) >= 5);
    await cluster.remove('LLMRoute', 'shop', 'removed');
    // More changes than the server remembers, so that continuing is impossible.
    for (let i = 0; i < 50; i += 1) await cluster.apply(aRoute('kept', { model: `m${i}` }));
    expect(sidecar.client.status().connected).toBe(true);
    expect((await ask(operator, '/readyz')).status).toBe(200);
    expect(sidecar.holder.effective?.routes).toHaveLength(2);
    await proxy.start();
    await runs(sidecar, 'route/shop/kept', 51);
    await programmed('kept', 'True/Programmed@51');
    expect(sidecar.holder.effective?.routes).toHaveLength(1);
    expect(await metric(operator, 'outrider_operator_watch_relists_total', 'llmroutes')).toBe(1);
    await proxy.cut();
  });

  it('a write that the API server refuses for a while is made later', async () => {
    const proxy = await new TcpProxy(api.port).start();
    await cluster.create(aProvider());
    await cluster.pod('shop', 'web');
    const waits = { reconnectWindowMs: 0, pendingGraceMs: 50 };
    const kubeconfig = api.kubeconfig().replaceAll(`:${api.port}`, `:${proxy.port}`);
    const operator = await cluster.operator({ waits }, kubeconfig);
    await operator.ready;
    await cluster.create(aRoute('assistant'));
    await until(async () => (await metric(operator, 'outrider_operator_watch_objects', 'llmroutes')) === 1);
    await proxy.cut();
    const failed = () => metric(operator, 'outrider_operator_status_writes_total', 'result="Failed"');
    await until(async () => (await failed()) > 0, 'a failed write');
    await proxy.start();
    await programmed('assistant', 'Unknown/Pending@1');
    expect(
      await metric(operator, 'outrider_operator_status_writes_total', 'kind="LLMRoute",result="Written"'),
    ).toBe(1);
    await proxy.cut();
  });

  it('an operator that restarts: sidecars come back, and no status is written', async () => {
    const { operator, sidecar } = await started();
    await cluster.create(aRoute('assistant'));
    await programmed('assistant', 'True/Programmed@1');
    const { port } = operator.address;
    const before = await cluster.get('LLMRoute', 'shop', 'assistant');
    await cluster.stopOperator(operator);
    expect(sidecar.holder.effective?.routes).toHaveLength(1);
    const next = await cluster.operator({ listen: { host: '127.0.0.1', port } });
    await next.ready;
    await until(() => sidecar.client.status().connected, 'the sidecar to come back');
    await until(() => next.registry.get(sidecar.pod.uid)?.ack !== undefined, 'its report');
    expect(await writes(next)).toBe(0);
    await cluster.apply(aRoute('assistant', { model: 'two' }));
    await programmed('assistant', 'True/Programmed@2');
    expect(await writes(next)).toBe(1);
    expect(before?.metadata.generation).toBe(1);
  });
});

describe('the admin port', () => {
  it('is ready only when everything was read and compiled', async () => {
    const proxy = await new TcpProxy(api.port).start();
    await proxy.cut();
    const kubeconfig = api.kubeconfig().replaceAll(`:${api.port}`, `:${proxy.port}`);
    const operator = await cluster.operator({}, kubeconfig);
    expect(await ask(operator, '/healthz')).toEqual({ status: 200, body: 'ok\n' });
    await until(async () => (await ask(operator, '/readyz')).body.includes('ECONNREFUSED'));
    const early = await ask(operator, '/readyz');
    expect(early.status).toBe(503);
    expect(early.body).toContain('[-] /apis/outrider.dev/v1alpha1/llmroutes');
    expect(early.body).toContain('[-] compiled');
    await proxy.start();
    await operator.ready;
    const ready = await ask(operator, '/readyz');
    expect(ready.status).toBe(200);
    expect(ready.body).not.toContain('[-]');
    await proxy.cut();
  });

  it('counts what happens', async () => {
    const { operator } = await started();
    await cluster.create(aRoute('assistant'));
    await programmed('assistant', 'True/Programmed@1');
    const { body } = await ask(operator, '/metrics');
    for (const line of [
      /^outrider_operator_watch_objects\{resource="llmroutes"\} 1$/m,
      /^outrider_operator_watch_synced\{resource="pods"\} 1$/m,
      /^outrider_operator_watch_last_event_age_seconds\{resource="llmroutes"\} \d/m,
      /^outrider_operator_workqueue_depth\{name="status"\} 0$/m,
      /^outrider_operator_reconcile_total\{controller="compile",result="Done"\} [1-9]/m,
      /^outrider_operator_reconcile_seconds_count\{controller="status"\} [1-9]/m,
      /^outrider_operator_sync_streams 1$/m,
      /^outrider_operator_sync_acknowledge_seconds_count [1-9]/m,
      /^process_resident_memory_bytes [1-9]/m,
    ]) {
      expect(body).toMatch(line);
    }
  });

  it('answers no web page and no unknown name', async () => {
    const operator = await cluster.operator({ adminHosts: ['operator.example'] });
    const host = (name: string) => ask(operator, '/healthz', { host: name });
    expect((await host('evil.example')).status).toBe(403);
    expect((await host('operator.example:8081')).status).toBe(200);
    expect((await host('10.0.0.7:8081')).status).toBe(200);
    expect((await host('[fd00::7]:8081')).status).toBe(200);
    expect((await ask(operator, '/metrics', { origin: 'http://localhost' })).status).toBe(403);
    expect((await ask(operator, '/metrics', { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await ask(operator, '/nothing')).status).toBe(404);
  });
});

describe('starting', () => {
  it('fails, and leaves nothing behind, where a port is taken', async () => {
    const operator = await cluster.operator();
    await expect(
      cluster.operator({ admin: { host: '127.0.0.1', port: operator.admin.port } }),
    ).rejects.toThrow('EADDRINUSE');
    await expect(
      cluster.operator({ listen: { host: '127.0.0.1', port: operator.address.port } }),
    ).rejects.toThrow('EADDRINUSE');
  });
});
