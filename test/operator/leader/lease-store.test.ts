import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LeaseObject } from '../../../operator/leader/lease.ts';
import { kubernetesLease } from '../../../operator/leader/lease-store.ts';
import { apiClient } from '../../../operator/watch/api-client.ts';
import { apiConfig } from '../../../operator/watch/api-config.ts';
import { systemClock } from '../../../sidecar/snapshot/clock.ts';
import { until } from '../support/manual-clock.ts';
import { ScriptedApiServer } from '../support/scripted-api-server.ts';

const PATH = '/apis/coordination.k8s.io/v1/namespaces/outrider-system/leases';
const LEASE: LeaseObject = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'outrider', namespace: 'outrider-system', uid: 'u1', resourceVersion: '7' },
  spec: { holderIdentity: 'a' },
};

let server: ScriptedApiServer;

beforeEach(async () => {
  server = await new ScriptedApiServer().start();
});
afterEach(() => server.stop());

function store() {
  const config = apiConfig(() => {
    const kube = new KubeConfig();
    kube.loadFromClusterAndUser({ name: 'c', server: server.url, skipTLSVerify: true }, { name: 'u' });
    return kube;
  });
  return kubernetesLease(apiClient(config, systemClock), { namespace: 'outrider-system', name: 'outrider' });
}

const signal = () => new AbortController().signal;

describe('the Lease in the API', () => {
  it('is read by its name; that there is none is an answer, everything else no answer', async () => {
    const read = store().read(signal());
    const call = await server.next();
    expect([call.request.method, call.url.pathname]).toEqual(['GET', `${PATH}/outrider`]);
    call.json(200, LEASE);
    expect(await read).toEqual(LEASE);
    const absent = store().read(signal());
    (await server.next()).fail(404, 'NotFound');
    expect(await absent).toBeUndefined();
    const forbidden = store().read(signal());
    (await server.next()).fail(403, 'Forbidden');
    await expect(forbidden).rejects.toMatchObject({ status: 403 });
  });

  it('is written with version and uid and without the bookkeeping of the server', async () => {
    const managed = { ...LEASE, metadata: { ...LEASE.metadata, managedFields: [{ manager: 'x' }] } };
    const write = store().update(managed, signal());
    const call = await server.next();
    expect([call.request.method, call.url.pathname]).toEqual(['PUT', `${PATH}/outrider`]);
    expect(JSON.parse(call.body)).toEqual(LEASE);
    call.json(200, LEASE);
    expect(await write).toEqual(LEASE);
  });

  it.each([
    ['update', 409],
    ['update', 404],
    ['create', 409],
  ] as const)('of which an %s is answered %d was written by somebody else', async (method, status) => {
    const write = store()[method](LEASE, signal());
    (await server.next()).fail(status, 'x');
    expect(await write).toBeUndefined();
  });

  it('is created under its own name and in its namespace', async () => {
    const write = store().create({ metadata: { name: '' }, spec: { holderIdentity: 'a' } }, signal());
    const call = await server.next();
    expect([call.request.method, call.url.pathname]).toEqual(['POST', PATH]);
    expect(JSON.parse(call.body)).toMatchObject({ kind: 'Lease', metadata: { name: 'outrider' } });
    call.json(201, LEASE);
    expect(await write).toEqual(LEASE);
  });

  it('leaves no connection behind when a call is given up', async () => {
    const giveUp = new AbortController();
    const read = store().read(giveUp.signal);
    const call = await server.next();
    giveUp.abort(new Error('too late'));
    await expect(read).rejects.toThrow(/abort|too late/);
    await until(() => call.closed, 'the connection to close');
  });
});
