/** Identities of clouds: what goes to proxies, what the operator asks for, and what stays. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../../operator/compile/compile.ts';
import type { Tokens } from '../../../operator/compile/mints.ts';
import type { SecretObject } from '../../../operator/compile/types.ts';
import { readCase } from './case.ts';

const HEAD = `
workloads: [{ namespace: shop, name: web-1 }]
---
kind: LLMRoute
metadata: { namespace: shop, name: chat }
spec: { models: [chat], rules: [{ name: r, targets: [{ name: t, provider: { name: p } }] }] }
---
kind: LLMProvider
metadata: { namespace: shop, name: p }
spec:
`;
const BEDROCK = `  type: Bedrock
  bedrock: { region: eu-central-1 }
`;
const AZURE = `  type: AzureOpenAI
  endpoint: { url: "https://shop.openai.azure.com" }
  azure: { apiVersion: v1 }
`;
const VERTEX = `  type: VertexAI
  vertex: { project: shop-prod, location: europe-west4 }
`;
const ROLE = 'arn:aws:iam::123456789012:role/llm';
const POOL = '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/c';
const TENANT = '2f4c1b9e-0d3a-4f6b-8a57-6a1d2c3e4f50';
const CLIENT = '7a1d2c3e-4f50-4f6b-8a57-2f4c1b9e0d3a';

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
    stringData: { id: 'AKIA1', secret: 'long-lived', json: '{\n  "type": "service_account"\n}' },
  },
];

function run(spec: string, options: { tokens?: Tokens; secrets?: SecretObject[] } = {}) {
  const { resources } = readCase(HEAD + spec);
  const [pod] = resources.pods;
  if (!pod) throw new Error('the case has a pod');
  const compiled = compile(
    { ...resources, secrets: options.secrets ?? secrets },
    { platformNamespaces: [], now: 0, ...(options.tokens && { tokens: options.tokens }) },
  );
  const snapshot = compiled.snapshotFor(pod);
  const provider = snapshot.items.find((item) => item.kind === 'Provider');
  const [verdict] = compiled.verdicts;
  return {
    snapshot,
    provider: provider?.kind === 'Provider' ? provider : undefined,
    mints: compiled.mints,
    keys: compiled.credentialsFor(pod),
    refs: verdict?.conditions.find(({ type }) => type === 'ResolvedRefs'),
  };
}

const id = 'shop/p/main';
const credential = (type: string, member: string) =>
  `  credentials: [{ name: main, type: ${type}, ${member} }]\n`;

describe('a credential of a cloud', () => {
  it.each([
    [
      'AWSKeys',
      BEDROCK,
      'awsKeys: { accessKeyID: { name: s, key: id }, secretAccessKey: { name: s, key: secret } }',
      { type: 'AWSSession' },
      {
        kind: 'AWSKeys',
        region: 'eu-central-1',
        accessKeyId: 'AKIA1',
        secretAccessKey: 'long-lived',
        roleARN: undefined,
        externalId: undefined,
      },
    ],
    [
      'AWSWebIdentity',
      BEDROCK,
      `awsWebIdentity: { roleARN: "${ROLE}" }`,
      { type: 'AWSSession' },
      { kind: 'AWSWebIdentity', region: 'eu-central-1', roleARN: ROLE },
    ],
    [
      'AWSWebIdentity',
      BEDROCK,
      'awsWebIdentity: { identity: Workload }',
      { type: 'Workload', workload: { cloud: 'AWS', region: 'eu-central-1' } },
      undefined,
    ],
    [
      'GoogleServiceAccount',
      VERTEX,
      'googleServiceAccount: { secretRef: { name: s, key: json } }',
      { type: 'Token' },
      { kind: 'GoogleServiceAccount', key: '{\n  "type": "service_account"\n}' },
    ],
    [
      'GoogleWorkloadIdentity',
      VERTEX,
      `googleWorkloadIdentity: { audience: "${POOL}" }`,
      { type: 'Token' },
      { kind: 'GoogleWorkloadIdentity', audience: POOL, serviceAccount: undefined },
    ],
    [
      'GoogleWorkloadIdentity',
      VERTEX,
      `googleWorkloadIdentity: { audience: "${POOL}", identity: Workload }`,
      { type: 'Workload', workload: { cloud: 'Google', audience: POOL } },
      undefined,
    ],
    [
      'AzureClient',
      AZURE,
      `azureClient: { tenantID: ${TENANT}, clientID: ${CLIENT}, secretRef: { name: s, key: secret } }`,
      { type: 'Token' },
      { kind: 'AzureClient', tenantId: TENANT, clientId: CLIENT, secret: 'long-lived' },
    ],
    [
      'AzureWorkloadIdentity',
      AZURE,
      'azureWorkloadIdentity: { identity: Workload }',
      { type: 'Workload', workload: { cloud: 'Azure' } },
      undefined,
    ],
  ])('%s says to proxies what they need, and keeps its secret: %#', (type, spec, member, body, request) => {
    const { provider, mints, snapshot } = run(spec + credential(type, member));
    expect(provider?.body?.credentials).toEqual([{ name: 'main', id, weight: 1, ...body }]);
    expect(provider?.requires).toContain('credential.minted');
    expect(mints).toEqual(request === undefined ? [] : [{ id, request }]);
    expect(JSON.stringify(snapshot)).not.toMatch(/long-lived|AKIA1|service_account/);
  });
});

describe('what a cloud gave', () => {
  const spec =
    BEDROCK +
    credential(
      'AWSKeys',
      'awsKeys: { accessKeyID: { name: s, key: id }, secretAccessKey: { name: s, key: secret } }',
    );

  it('goes to those who may use it, apart from the snapshot, with a version of its own', () => {
    const before = run(spec);
    expect(before.keys.credentials).toEqual([]);
    expect(before.refs?.status).toBe('True');
    const tokens = new Map([[id, { ok: true as const, value: 'session', version: '1.9' }]]);
    const after = run(spec, { tokens });
    expect(after.keys.credentials).toEqual([{ id, value: 'session' }]);
    expect(after.keys.version).not.toBe(before.keys.version);
    expect(after.snapshot.hash).toBe(before.snapshot.hash);
  });

  it('or did not is a condition of the provider', () => {
    const tokens = new Map([
      [id, { ok: false as const, message: 'sts answered with status 403 (AccessDenied)' }],
    ]);
    expect(run(spec, { tokens }).refs).toMatchObject({
      status: 'False',
      reason: 'TokenUnavailable',
      message: 'credential "main": sts answered with status 403 (AccessDenied)',
    });
  });

  it('is not asked for where the Secret is not there, and the condition says that', () => {
    const { mints, refs } = run(spec, { secrets: [] });
    expect(mints).toEqual([]);
    expect(refs).toMatchObject({ status: 'False', reason: 'RefNotPermitted' });
  });

  it('is kept while the spec cannot be read', () => {
    const { mints } = run(`${spec}  unknownField: 1\n`);
    expect(mints).toEqual([{ id, request: undefined }]);
  });
});

describe('where a vendor is', () => {
  it.each([
    [BEDROCK, 'https://bedrock-runtime.eu-central-1.amazonaws.com', { region: 'eu-central-1' }],
    [
      VERTEX,
      'https://europe-west4-aiplatform.googleapis.com/v1',
      { project: 'shop-prod', location: 'europe-west4' },
    ],
    [
      VERTEX.replace('europe-west4', 'global'),
      'https://aiplatform.googleapis.com/v1',
      { project: 'shop-prod', location: 'global' },
    ],
    [AZURE, 'https://shop.openai.azure.com', { apiVersion: 'v1' }],
    ['  type: Anthropic\n', 'https://api.anthropic.com/v1', undefined],
  ])('%#', (spec, url, parameters) => {
    const { provider } = run(spec);
    expect(provider?.body).toMatchObject({ url, ...(parameters && { parameters }) });
    expect(provider?.requires).toContain('provider.types');
  });
});
