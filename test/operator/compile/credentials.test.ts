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
  return { hash: compiled.snapshotFor(pod).hash, keys: compiled.credentialsFor(pod) };
};

describe('keys', () => {
  it('rotate without touching the snapshot', () => {
    const before = run([secret('sk-old', '41')]);
    const after = run([secret('sk-new', '42')]);
    expect(after.hash).toBe(before.hash);
    expect(after.keys.version).not.toBe(before.keys.version);
    expect(after.keys.credentials).toEqual([{ id: 'shop/p/main', value: 'sk-new' }]);
  });

  it('have a version that says nothing of their value where the API server gives one', () => {
    expect(run([secret('sk-one', '41')]).keys.version).toBe(run([secret('sk-two', '41')]).keys.version);
  });

  it('of manifests on disk have a version that follows the value', () => {
    expect(run([secret('sk-one')]).keys.version).not.toBe(run([secret('sk-two')]).keys.version);
    expect(run([secret('sk-one')]).keys.version).toBe(run([secret('sk-one')]).keys.version);
  });

  it('go when the Secret goes, and the provider stays', () => {
    const gone = run([]);
    expect(gone.keys.credentials).toEqual([]);
    expect(gone.hash).toBe(run([secret('sk-old', '41')]).hash);
  });

  it('go when the route goes', () => {
    expect(run([secret('sk-old', '41')], { ...resources, routes: [] }).keys.credentials).toEqual([]);
  });
});
