/** Manifests people copy: each is valid, applies to an API server, and routes. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main as validate } from '../../cli/validate.ts';
import { allCrds } from '../../crds/definitions.ts';
import { judgeManifests, readManifests } from '../../crds/manifests.ts';
import { type ApiServer, startApiServer } from '../../dev/api-server/server.ts';
import { put } from '../../dev/laptop/api.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const names = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** What an example says that it is to be read with. */
const FLAGS: Record<string, string[]> = { policies: ['--platform-namespaces', 'platform'] };

let api: ApiServer;
beforeAll(async () => {
  api = await startApiServer({ crds: allCrds() });
  await put(api.url, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo' } });
});
afterAll(() => api.close());

test('there are examples', () => {
  expect(names).toContain('quickstart');
});

describe.each(names)('examples/%s', (name) => {
  test('has nothing to complain about, references included', async () => {
    const manifests = await readManifests([`${EXAMPLES}${name}`]);
    expect(manifests.problems).toEqual([]);
    expect(judgeManifests(manifests.objects)).toEqual([]);
    expect(await validate(['-f', `${EXAMPLES}${name}`, ...(FLAGS[name] ?? [])])).toBe(0);
  });

  test('applies, and comes back as it was written', async () => {
    const { objects } = await readManifests([`${EXAMPLES}${name}`]);
    expect(objects.length).toBeGreaterThan(0);
    for (const { object } of objects) {
      const stored = await put(api.url, object);
      expect(stored).toMatchObject({ kind: object.kind, ...(object.spec ? { spec: object.spec } : {}) });
    }
  });
});
