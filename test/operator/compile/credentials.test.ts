import { describe, expect, it } from 'vitest';
import { compile } from '../../../operator/compile/compile.ts';
import type { Resources, SecretObject } from '../../../operator/compile/types.ts';
import { readCase } from './case.ts';

const { resources } = readCase(`
workloads: [{ namespace: shop, name: web-1 }]
---
kind: LLMProvider
metadata: { namespace: shop, name: p }
spec: { type: OpenAICompatible, endpoint: { url: "http://p/v1" }, credentials: [{ name: main, type: APIKey, secretRef: { name: keys, key: main } }] }
---
kind: LLMRoute
metadata: { namespace: shop, name: chat }
spec: { models: [chat], rules: [{ name: r, targets: [{ name: t, provider: { name: p } }] }] }
`);
const [pod] = resources.pods;
if (!pod) throw new Error('the case has a pod');

function secret(value: string, resourceVersion?: string): SecretObject {
  const labels = { 'outrider.dev/provider-credential': 'true' };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace: 'shop',
      name: 'keys',
      uid: 'u',
      labels,
      ...(resourceVersion && { resourceVersion }),
    },
    data: { main: Buffer.from(value).toString('base64') },
  };
}

const run = (secrets: SecretObject[], from: Resources = resources) => {
  const compiled = compile({ ...from, secrets }, { platformNamespaces: [], now: 0 });
  const { hash, items } = compiled.snapshotFor(pod);
  const named = items.flatMap((item) =>
    item.kind === 'Provider'
      ? (item.body?.credentials ?? []).map(({ id, version }) => ({ id, version }))
      : [],
  );
  return { hash, named, keys: compiled.credentialsFor(pod) };
};

describe('keys', () => {
  it('are named by id and version in the snapshot, whose hash holds no secret', () => {
    const before = run([secret('sk-old', '41')]);
    const after = run([secret('sk-new', '42')]);
    expect(after.hash).not.toBe(before.hash);
    expect(after.named).toEqual([{ id: 'shop/p/main', version: 'u.42' }]);
    expect(after.keys.version).not.toBe(before.keys.version);
    expect(after.keys.credentials).toEqual([{ id: 'shop/p/main', value: 'sk-new', version: 'u.42' }]);
    expect(run([secret('sk-other', '41')]).hash).toBe(before.hash);
  });

  it('have a version that says nothing of their value where the API server gives one', () => {
    expect(run([secret('sk-one', '41')]).keys.version).toBe(run([secret('sk-two', '41')]).keys.version);
  });

  it('of manifests on disk have a version that follows the value', () => {
    expect(run([secret('sk-one')]).keys.version).not.toBe(run([secret('sk-two')]).keys.version);
    expect(run([secret('sk-one')]).keys.version).toBe(run([secret('sk-one')]).keys.version);
    // It is made of the value, so no snapshot names it.
    expect(run([secret('sk-one')]).hash).toBe(run([secret('sk-two')]).hash);
    expect(run([secret('sk-one')]).named).toEqual([{ id: 'shop/p/main', version: undefined }]);
  });

  it('go when the Secret goes, and the provider stays', () => {
    const gone = run([]);
    expect(gone.keys.credentials).toEqual([]);
    expect(gone.named).toEqual([{ id: 'shop/p/main', version: undefined }]);
  });

  it('go when the route goes', () => {
    expect(run([secret('sk-old', '41')], { ...resources, routes: [] }).keys.credentials).toEqual([]);
  });
});
