/** Rules of the kind name types one by one; what is known of the types is elsewhere. They must not drift apart. */
import { describe, expect, test } from 'vitest';
import { PROVIDER_TYPES } from '../../crds/llmprovider.ts';
import { validateObject } from '../../crds/validate.ts';
import { TYPE_DEFAULTS } from '../../sidecar/snapshot/provider-types.ts';

const pathsOf = (spec: object) =>
  validateObject({
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMProvider',
    metadata: { name: 'p', namespace: 'n' },
    spec,
  }).map(({ path }) => path);

const MEMBERS = { Azure: 'azure', Google: 'vertex', AWS: 'bedrock' } as const;
const PARAMETERS = {
  azure: { apiVersion: 'v1' },
  vertex: { project: 'shop-prod', location: 'global' },
  bedrock: { region: 'eu-central-1' },
};
const ROLE = 'arn:aws:iam::123456789012:role/llm';
const IDENTITIES = {
  AWS: { name: 'c', type: 'AWSWebIdentity', awsWebIdentity: { roleARN: ROLE } },
  Google: {
    name: 'c',
    type: 'GoogleServiceAccount',
    googleServiceAccount: { secretRef: { name: 's', key: 'k' } },
  },
  Azure: { name: 'c', type: 'AzureWorkloadIdentity', azureWorkloadIdentity: { identity: 'Workload' } },
};
const CLOUDS = ['AWS', 'Google', 'Azure'] as const;

describe.each(PROVIDER_TYPES)('%s', (type) => {
  const { url, cloud } = TYPE_DEFAULTS[type];
  const member = cloud && MEMBERS[cloud];
  const own = member ? { [member]: PARAMETERS[member] } : {};
  const endpoint = { url: 'https://models.example/v1' };

  test('must have a URL where it has none by default, and only there', () => {
    expect(pathsOf({ type, ...own })).toEqual(url === undefined ? ['spec.endpoint'] : []);
  });

  test('must have the parameters of its cloud, and those of no other', () => {
    expect(pathsOf({ type, endpoint, ...own })).toEqual([]);
    expect(pathsOf({ type, endpoint })).toEqual(member ? [`spec.${member}`] : []);
    const others = Object.values(MEMBERS).filter((other) => other !== member);
    const found = others.map((other) => pathsOf({ type, endpoint, ...own, [other]: PARAMETERS[other] }));
    expect(found).toEqual(others.map((other) => [`spec.${other}`]));
  });

  test.each(CLOUDS)('takes identities of %s where that is its cloud, and only there', (of) => {
    const found = pathsOf({ type, endpoint, ...own, credentials: [IDENTITIES[of]] });
    expect(found).toEqual(of === cloud ? [] : ['spec.credentials']);
  });
});
