import { expect } from 'vitest';
import type { Json } from '../support/client.ts';
import type { Scenario } from '../support/scenario.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

export const discovery: Scenario[] = [
  {
    name: 'the resources of our group',
    async run({ client }) {
      const { body } = await client.get('/apis/conformance.outrider.dev/v1');
      const resources = Object.fromEntries(body.resources.map((one: Json) => [one.name, one]));
      expect(resources.routes).toMatchObject({
        singularName: 'route',
        namespaced: true,
        kind: 'Route',
        shortNames: ['rt'],
        categories: ['conformance'],
      });
      expect(resources['routes/status'].verbs).toEqual(['get', 'patch', 'update']);
      expect((await client.get('/apis/conformance.outrider.dev')).body.preferredVersion.version).toBe('v1');
    },
    untranscribed: 'the real server lists kinds in the order their CRDs were established',
  },
  {
    name: 'paths that lead nowhere',
    async run({ client, routes }) {
      for (const path of [
        '/nowhere',
        '/apis/nowhere/v1',
        '/apis/conformance.outrider.dev/v9',
        '/apis/conformance.outrider.dev/v1/nothings',
      ]) {
        expect((await client.get(path)).status).toBe(404);
      }
      expect((await client.get(`${routes}/a/nothing`)).status).toBe(404);
      expect((await client.get(`${routes}/a/status/more`)).status).toBe(404);
    },
  },
  {
    name: 'aggregated discovery has all that is served',
    untranscribed: 'the real server serves more',
    async run({ client }) {
      const groups: Json[] = (await client.get('/apis', AGGREGATED)).body.items;
      const ours = groups.find((group) => group.metadata.name === 'conformance.outrider.dev');
      expect(ours.versions[0].resources.map((one: Json) => one.resource).sort()).toEqual([
        'providers',
        'routes',
      ]);
      expect(ours.versions[0].resources[0].subresources[0]).toMatchObject({ subresource: 'status' });
      const names = groups.map((group) => group.metadata.name);
      expect(names).toEqual(expect.arrayContaining(['coordination.k8s.io']));
      const core = (await client.get('/api', AGGREGATED)).body.items[0].versions[0];
      expect(core.version).toBe('v1');
      const kinds = core.resources.map((one: Json) => one.responseKind.kind);
      expect(kinds).toEqual(expect.arrayContaining(['Namespace', 'Pod', 'Secret', 'ConfigMap', 'Event']));
    },
  },
  {
    name: 'legacy discovery has the same',
    untranscribed: 'the real server serves more',
    async run({ client }) {
      expect((await client.get('/api')).body.versions).toContain('v1');
      const groups = (await client.get('/apis')).body.groups.map((group: Json) => group.name);
      expect(groups).toEqual(expect.arrayContaining(['conformance.outrider.dev', 'coordination.k8s.io']));
      const core = (await client.get('/api/v1')).body.resources.map((one: Json) => one.name);
      expect(core).toEqual(
        expect.arrayContaining(['namespaces', 'namespaces/status', 'pods', 'pods/status', 'secrets']),
      );
      const leases = (await client.get('/apis/coordination.k8s.io/v1')).body.resources;
      expect(leases[0]).toMatchObject({ name: 'leases', kind: 'Lease', singularName: 'lease' });
    },
  },
  {
    name: 'OpenAPI v3 describes our kinds and what requests may ask',
    untranscribed: 'the real documents are large; kubectl reads them in its own tests',
    async run({ client }) {
      const { paths } = (await client.get('/openapi/v3')).body;
      const { body } = await client.get(paths['apis/conformance.outrider.dev/v1'].serverRelativeURL);
      const schema = body.components.schemas['dev.outrider.conformance.v1.Route'];
      expect(schema.properties.spec.properties.rules.items.properties.targets['x-kubernetes-list-type']).toBe(
        'atomic',
      );
      expect(schema['x-kubernetes-group-version-kind'][0]).toMatchObject({ kind: 'Route' });
      const item = body.paths['/apis/conformance.outrider.dev/v1/namespaces/{namespace}/routes/{name}'];
      const parameters = [...(item.parameters ?? []), ...(item.patch.parameters ?? [])].map(
        (one: Json) => one.name,
      );
      expect(parameters).toEqual(expect.arrayContaining(['dryRun', 'fieldManager', 'fieldValidation']));
      expect(paths['api/v1']).toBeDefined();
    },
  },
  {
    name: 'version and health',
    untranscribed: 'versions differ',
    async run({ client }) {
      expect((await client.get('/version')).body).toMatchObject({ major: '1' });
      for (const path of ['/readyz', '/livez', '/healthz']) expect((await client.get(path)).status).toBe(200);
    },
  },
  {
    name: 'keys that sign tokens are public',
    untranscribed: 'keys differ',
    async run({ client }) {
      const { keys } = (await client.get('/openid/v1/jwks', '*/*')).body;
      expect(keys[0]).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig' });
      const { body } = await client.get('/.well-known/openid-configuration');
      expect(body).toMatchObject({ id_token_signing_alg_values_supported: ['RS256'] });
      expect(body.issuer).toMatch(/^https?:/);
    },
  },
];
