/** One suite, two servers: the embedded one always, a real kube-apiserver where its binaries are. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { kubeBinaries } from '../../support/kube-apiserver.ts';
import { describeOnKube } from '../../support/kube-suite.ts';
import { CRDS } from './conformance/crds.ts';
import { SCENARIOS } from './conformance/index.ts';
import { Client } from './support/client.ts';
import { Recording } from './support/recording.ts';
import { contextFor, createNamespace, type Scenario } from './support/scenario.ts';

const ALL = Object.entries(SCENARIOS).flatMap(([part, scenarios]) =>
  scenarios.map((scenario) => ({ part, name: scenario.name, scenario })),
);

async function run(client: Client, scenario: Scenario): Promise<void> {
  const context = contextFor(client, scenario.name);
  await createNamespace(client, context.namespace);
  await scenario.run(context);
}

describe('embedded API server', () => {
  let client: Client;
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer({ crds: CRDS });
    client = new Client(server);
  });
  afterAll(async () => {
    client.close();
    await server.close();
  });
  test.each(ALL)('$part: $name', async ({ scenario }) => {
    await expect(run(client, scenario)).resolves.toBeUndefined();
  });
});

describeOnKube(
  'real kube-apiserver',
  async (server) => {
    await Recording.installCrds(new Client(server), CRDS);
  },
  (server) => {
    const recording = new Recording();
    let client: Client;
    beforeAll(() => {
      client = new Client(server());
    });
    afterAll(async () => {
      client.close();
      await recording.write();
    });
    test.each(ALL)('$part: $name', async ({ part, scenario }) => {
      await expect(recording.of(client, part, scenario)).resolves.toBeUndefined();
    });
  },
);

test('a live run is one of every scenario', () => {
  expect(kubeBinaries() === undefined || ALL.length > 100).toBe(true);
});
