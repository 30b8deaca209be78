/** Models that signals ask: who they are to sidecars, what is wrong with a reference, and vectors beside the items. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../../operator/compile/compile.ts';
import type { SecretObject } from '../../../operator/compile/types.ts';
import type { SnapshotItem } from '../../../sidecar/snapshot/schema.ts';
import type { VectorsBody } from '../../../sidecar/snapshot/shapes/signals.ts';
import { readCase } from './case.ts';

const ROUTE = `
workloads: [{ namespace: shop, name: web-1 }]
---
kind: LLMRoute
metadata: { namespace: shop, name: chat }
spec:
  models: [chat]
  signals:
    intents:
      method: Embeddings
      embeddings: { provider: { name: openai }, model: text-embedding-3-small, dimensions: 256 }
      list:
      - { name: billing, examples: [refund my order, charged twice] }
      - { name: code, examples: [fix this bug] }
    classifier:
      provider: { name: openai }
      model: gpt-5-nano
      labels: [{ name: hard, description: proofs }]
  rules:
  - name: hard
    matches: [{ prompt: { labels: [hard], intents: [billing] } }]
    targets: [{ name: t, provider: { name: openai }, model: gpt-5-mini }]
`;
const provider = (more = '') => `
---
kind: LLMProvider
metadata: { namespace: shop, name: openai }
spec:
  type: OpenAI
  credentials: [{ name: main, type: APIKey, secretRef: { name: s, key: key } }]
${more}`;
const secrets: SecretObject[] = [
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace: 'shop',
      name: 's',
      uid: 'u',
      resourceVersion: '1',
      labels: { 'outrider.dev/provider-credential': 'true' },
    },
    stringData: { key: 'sk-vectors' },
  },
];

function run(text: string, vectors?: Map<string, VectorsBody>) {
  const { resources } = readCase(text);
  const [pod] = resources.pods;
  if (!pod) throw new Error('the case has a pod');
  const compiled = compile(
    { ...resources, secrets },
    { platformNamespaces: [], now: 0, ...(vectors && { vectors }) },
  );
  const snapshot = compiled.snapshotFor(pod);
  const route = snapshot.items.find(
    (item): item is SnapshotItem & { kind: 'Route' } => item.kind === 'Route',
  );
  const verdict = compiled.verdicts.find(({ kind }) => kind === 'LLMRoute');
  return { compiled, snapshot, route, refs: verdict?.conditions.find(({ type }) => type === 'ResolvedRefs') };
}

describe('a model that a signal asks', () => {
  it('is a target with defaults filled in, and its keys go to the sidecar', () => {
    const { route, refs } = run(ROUTE + provider());
    expect(refs).toMatchObject({ status: 'True' });
    expect(route?.requires).toEqual(expect.arrayContaining(['signals', 'match.signals']));
    expect(route?.body?.signals).toMatchObject({
      intents: {
        method: 'Embeddings',
        minScorePercent: 40,
        marginPercent: 2,
        embeddings: {
          target: { name: 'intents', provider: 'provider/shop/openai', model: 'text-embedding-3-small' },
          dimensions: 256,
          timeoutMs: 500,
          maxInputTokens: 512,
          cacheMs: 600_000,
        },
      },
      classifier: {
        target: { name: 'classifier', model: 'gpt-5-nano' },
        timeoutMs: 2000,
        maxInputTokens: 1000,
        maxOutputTokens: 64,
        cacheMs: 600_000,
        labels: [{ name: 'hard', description: 'proofs' }],
      },
    });
  });

  it('brings a provider into the snapshot that no rule sends requests to', () => {
    const text = ROUTE.replace('name: openai }, model: text', 'name: vectors }, model: text');
    const other = provider().replace('name: openai', 'name: vectors');
    const { snapshot, refs } = run(text + provider() + other);
    expect(snapshot.items.map(({ id }) => id)).toContain('provider/shop/vectors');
    expect(refs).toMatchObject({ status: 'True' });
  });

  it.each([
    [
      'is not there',
      ROUTE.replace('name: openai }, model: text', 'name: gone }, model: text'),
      'ProviderNotFound',
      'spec.signals.intents.embeddings.provider',
    ],
    [
      'cannot do it',
      ROUTE.replace('model: gpt-5-nano', 'model: text-embedding-3-small'),
      'CapabilityMissing',
      'spec.signals.classifier.model',
    ],
  ])('that %s is told of in the status', (_, text, reason, path) => {
    const { refs } = run(
      text +
        provider(
          '  models: [{ name: text-embedding-3-small, capabilities: [Embeddings] }, { name: gpt-5-nano }, { name: gpt-5-mini }]',
        ),
    );
    expect(refs).toMatchObject({ status: 'False', reason });
    expect(refs?.message).toContain(path);
  });

  it('must be defined where a rule asks for its labels', () => {
    const text = ROUTE.replace(/ {4}classifier:[\s\S]*?(?= {2}rules:)/, '');
    const { compiled } = run(text + provider());
    const accepted = compiled.verdicts
      .find(({ kind }) => kind === 'LLMRoute')
      ?.conditions.find(({ type }) => type === 'Accepted');
    expect(accepted).toMatchObject({ status: 'False' });
    expect(accepted?.message).toContain('the labels of signals.classifier.labels only');
  });
});

describe('vectors of examples', () => {
  it('are wanted with key, model and texts', () => {
    const { compiled, route, snapshot } = run(ROUTE + provider());
    expect(compiled.vectorsWanted).toEqual([
      {
        key: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        url: 'https://api.openai.com/v1/embeddings',
        isDefault: true,
        headers: { authorization: 'Bearer sk-vectors' },
        body: { model: 'text-embedding-3-small', dimensions: 256 },
        texts: ['refund my order', 'charged twice', 'fix this bug'],
      },
    ]);
    expect(route?.body?.signals?.intents?.embeddings?.vectors).toBeUndefined();
    expect(snapshot.vectors).toBeUndefined();
  });

  it('go beside the items once they are there, and say nothing to the hash', () => {
    const [wanted] = run(ROUTE + provider()).compiled.vectorsWanted;
    const key = wanted?.key ?? '';
    const of = (data: string) => run(ROUTE + provider(), new Map([[key, { dimensions: 2, data }]]));
    const [one, other] = [of('AQIDBAUG'), of('AQIDBAUH')];
    expect(one.route?.body?.signals?.intents?.embeddings?.vectors).toBe(key);
    expect(one.snapshot.vectors).toEqual({ [key]: { dimensions: 2, data: 'AQIDBAUG' } });
    expect(other.snapshot.hash).toBe(one.snapshot.hash);
    expect(one.snapshot.hash).not.toBe(run(ROUTE + provider()).snapshot.hash);
  });

  it('have another key for other examples, another model or another place', () => {
    const keyOf = (text: string) => run(text).compiled.vectorsWanted[0]?.key;
    const all = [
      ROUTE + provider(),
      ROUTE.replace('fix this bug', 'fix that bug') + provider(),
      ROUTE.replace('dimensions: 256', 'dimensions: 128') + provider(),
      ROUTE + provider('  endpoint: { url: "https://eu.api.openai.com/v1" }'),
    ].map(keyOf);
    expect(new Set(all).size).toBe(4);
  });

  it('are not asked for where the vendor speaks otherwise, or no key is at hand', () => {
    const cohere = provider().replace('type: OpenAI', 'type: Cohere');
    expect(run(ROUTE + cohere).compiled.vectorsWanted).toEqual([]);
    expect(run(ROUTE + provider().replace('key: key', 'key: other')).compiled.vectorsWanted).toEqual([]);
  });
});
