/** A secret of a cloud on its way through a whole operator: what a sidecar gets of it, and when. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { allCrds } from '../../crds/definitions.ts';
import { type ApiServer, startApiServer } from '../../dev/api-server/server.ts';
import type { Minted, MintRequest } from '../../sidecar/tokens/mint.ts';
import { MintError } from '../../sidecar/tokens/token-io.ts';
import { aProvider, aRoute, aSecret, Cluster } from './support/cluster.ts';
import { until } from './support/manual-clock.ts';

const ID = 'shop/vendor/main';
const LONG_LIVED = 'long-lived-secret';

let api: ApiServer;
let cluster: Cluster;
let asked: MintRequest[];
let answer: () => Promise<Minted>;

beforeEach(async () => {
  api = await startApiServer({ crds: allCrds() });
  cluster = await Cluster.on(api);
  await cluster.namespace('shop');
  asked = [];
});
afterEach(async () => {
  await cluster.stop();
  await api.close();
});

const keys = { name: 'aws', key: 'api-key' };
const BEDROCK = {
  ...aProvider(),
  spec: {
    type: 'Bedrock',
    bedrock: { region: 'eu-central-1' },
    credentials: [{ name: 'main', type: 'AWSKeys', awsKeys: { accessKeyID: keys, secretAccessKey: keys } }],
  },
};

async function started() {
  await cluster.create(aSecret('aws', LONG_LIVED));
  await cluster.create(BEDROCK);
  await cluster.create(aRoute('assistant'));
  const operator = await cluster.operator({
    mint: (request) => {
      asked.push(request);
      return answer();
    },
  });
  await operator.ready;
  return cluster.sidecar(operator, await cluster.pod('shop', 'web'));
}

it('is exchanged in the operator, and the sidecar gets what lives an hour', async () => {
  answer = () => Promise.resolve({ value: '{"session":1}', expiresAt: Date.now() + 3_600_000 });
  const sidecar = await started();
  await until(() => sidecar.credentials.get(ID) !== undefined, 'a session');
  expect(sidecar.credentials.get(ID)).toBe('{"session":1}');
  expect(asked).toEqual([
    {
      kind: 'AWSKeys',
      region: 'eu-central-1',
      accessKeyId: LONG_LIVED,
      secretAccessKey: LONG_LIVED,
      roleARN: undefined,
      externalId: undefined,
    },
  ]);
  expect(JSON.stringify(sidecar.credentials.current())).not.toContain(LONG_LIVED);
});

it('that a cloud refuses is told in the status of the provider, and comes when the cloud gives in', async () => {
  answer = () => Promise.reject(new MintError('sts answered with status 403 (AccessDenied)'));
  const sidecar = await started();
  await cluster.status('LLMProvider', 'shop', 'vendor', (status) =>
    (status.conditions ?? []).some(
      ({ type, reason, message }) =>
        type === 'ResolvedRefs' &&
        reason === 'TokenUnavailable' &&
        message === 'credential "main": sts answered with status 403 (AccessDenied)',
    ),
  );
  expect(sidecar.credentials.get(ID)).toBeUndefined();
  answer = () => Promise.resolve({ value: 'session', expiresAt: Date.now() + 3_600_000 });
  await until(() => sidecar.credentials.get(ID) === 'session', 'a session after all');
});
