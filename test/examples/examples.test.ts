/** Manifests people copy: each is valid, applies to an API server, and routes. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run as explain } from '../../cli/explain.ts';
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
const FLAGS: Record<string, string[]> = {
  policies: ['--platform-namespaces', 'platform'],
  choices: ['--platform-namespaces', 'demo'],
};
/** Models of a vendor whose catalogue is asked whether it has them. */
const SOME: Record<string, string> = {
  'gpt-*': 'gpt-5-mini',
  'o*': 'o3',
  'text-embedding-*': 'text-embedding-3-small',
};
const CHAT = ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Hello' }] }] as const;
const EMBEDDINGS = ['/v1/embeddings', { input: 'Hello' }] as const;
const NOW = Date.UTC(2026, 10, 20);

let api: ApiServer;
const directory = mkdtempSync(path.join(tmpdir(), 'outrider-examples-'));
beforeAll(async () => {
  api = await startApiServer({ crds: allCrds() });
  await put(api.url, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo' } });
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await api.close();
});

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

  test('routes a question to each model that it names', async () => {
    const { objects } = await readManifests([`${EXAMPLES}${name}`]);
    const asked = objects.flatMap(({ object: { kind, spec } }) =>
      kind === 'LLMRoute' ? ((spec as { models?: string[] }).models ?? []) : [],
    );
    expect(asked.length).toBeGreaterThan(0);
    for (const pattern of asked) {
      const model = SOME[pattern] ?? pattern.replace('*', 'x');
      const [to, question] = /vectors|embedding/.test(model) ? EMBEDDINGS : CHAT;
      const request = path.join(directory, 'request.json');
      writeFileSync(request, JSON.stringify({ model, ...question }));
      const args = ['-f', `${EXAMPLES}${name}`, '--request', request, '--path', to, '--namespace', 'demo'];
      const { code, out, err } = await explain([...args, ...(FLAGS[name] ?? [])], NOW);
      expect({ model, code, out, err }).toMatchObject({ model, code: 0 });
    }
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
