/** One suite, two servers: the embedded one always, a real kube-apiserver where its binaries are. */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { kubeBinaries } from '../../support/kube-apiserver.ts';
import { describeOnKube } from '../../support/kube-suite.ts';
import { CRDS } from './conformance/crds.ts';
import { SCENARIOS } from './conformance/index.ts';
import { Client, type Exchange, type Json } from './support/client.ts';
import { history, play } from './support/histories.ts';
import { randomRoute } from './support/objects.ts';
import { Recording } from './support/recording.ts';
import { contextFor, createNamespace, type Scenario } from './support/scenario.ts';
import { Namer, normalise } from './support/transcript.ts';

/** Random histories compared; more by hand with CONFORMANCE_RUNS. */
const RUNS = Number(process.env.CONFORMANCE_RUNS ?? 60);
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

    describe('at random', () => {
      let embedded: ApiServer;
      let other: Client;
      beforeAll(async () => {
        embedded = await startApiServer({ crds: CRDS });
        other = new Client(embedded);
        for (const one of [client, other]) await createNamespace(one, 'at-random');
      });
      afterAll(async () => {
        other.close();
        await embedded.close();
      });
      const { providers, routes } = contextFor(undefined as unknown as Client, 'at-random');

      test('histories of one object go the same way on both', async () => {
        let count = 0;
        const property = fc.asyncProperty(history, async (steps) => {
          const id = `h${count++}`;
          const real = await play(client, providers, id, steps);
          expect(await play(other, providers, id, steps)).toEqual(real);
        });
        await expect(fc.assert(property, { numRuns: RUNS })).resolves.toBeUndefined();
      }, 600_000);

      test('objects are judged the same by both', async () => {
        const judged = async (one: Client, body: Json): Promise<Exchange> => {
          const path = `${routes}?dryRun=All`;
          const { status, body: answer, headers } = await one.send({ method: 'POST', path, body });
          const warnings = [headers.warning ?? []].flat();
          return normalise(
            { request: { method: 'POST', path }, response: { status, warnings, body: answer } },
            new Namer(),
          );
        };
        const property = fc.asyncProperty(randomRoute, async (body) => {
          expect(await judged(other, body)).toEqual(await judged(client, body));
        });
        await expect(fc.assert(property, { numRuns: 4 * RUNS })).resolves.toBeUndefined();
      }, 600_000);
    });
  },
);

test('a live run is one of every scenario', () => {
  expect(kubeBinaries() === undefined || ALL.length > 100).toBe(true);
});
