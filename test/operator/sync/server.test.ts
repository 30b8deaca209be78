import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect, createServer } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticator } from '../../../operator/sync/identity.ts';
import type { LivePod } from '../../../operator/sync/pods.ts';
import type { SyncServer, SyncServerOptions } from '../../../operator/sync/server.ts';
import type { Report, ReportAnswer } from '../../../sidecar/snapshot/messages.ts';
import { until } from '../support/manual-clock.ts';
import { Harness } from './support/harness.ts';
import { podNamed } from './support/pods.ts';
import { compiledOf, keys, providerItem, routeItem, snapshotOf } from './support/snapshots.ts';

const shop = snapshotOf(providerItem(), routeItem('gpt'));
const desk = snapshotOf(routeItem('desk'));
const shopKeys = keys({ 'shop/openai/main': 'sk-shop' });

let harness: Harness;
let server: SyncServer;
let pod: LivePod;
let token: string;

beforeEach(async () => {
  harness = await Harness.create();
  pod = harness.pods.set(podNamed('web', { app: 'shop' }));
  token = await harness.token(pod);
  await start();
});
afterEach(() => harness.close());

async function start(options: Partial<SyncServerOptions> = {}): Promise<void> {
  server = await harness.server(options);
  server.publish(
    compiledOf({ app: 'shop', snapshot: shop, credentials: shopKeys }, { app: 'desk', snapshot: desk }),
  );
}

function ask(target: string, options: Parameters<Harness['request']>[2] = {}) {
  return harness.request(server.address.port, target, { token, ...options });
}

function report(changes: object = {}, ack: object = {}): string {
  const acknowledgement = { hash: shop.hash, credentialsVersion: shopKeys.version, exceptions: [], ...ack };
  const whole: Report = {
    epoch: 'e1',
    ack: acknowledgement,
    rows: [],
    proxyVersion: '1.2.3',
    features: ['failover'],
  };
  return JSON.stringify({ ...whole, ...changes });
}

async function post(body: string) {
  const { status, headers, body: answer } = await ask('/v1/report', { method: 'POST', body });
  return { status, headers, answer: JSON.parse(answer.toString()) };
}

describe('identity at the door', () => {
  it.each(['/v1/stream', `/v1/snapshots/${shop.hash}`, '/v1/credentials', '/v1/report', '/nowhere'])(
    '%s answers nothing but 401 without a token',
    async (target) => {
      const reply = await harness.request(server.address.port, target);
      expect(reply.status).toBe(401);
      expect(reply.headers['www-authenticate']).toBe('Bearer');
      expect(JSON.parse(reply.body.toString())).toMatchObject({ error: { code: 'identity_required' } });
      expect(harness.counted.refused).toEqual(['Missing']);
    },
  );

  it('says the same of every token it does not accept, and never repeats one', async () => {
    const expired = await harness.token(pod, -1000);
    const foreign = await harness.issuer.token(pod, {
      audience: 'vault',
      issuedAt: harness.clock.wall(),
      expiresAt: harness.clock.wall() + 1000,
    });
    const replies = await Promise.all(
      [expired, foreign, 'garbage'].map((bad) => ask('/v1/credentials', { token: bad })),
    );
    expect(new Set(replies.map(({ status, body }) => `${status} ${body.toString()}`)).size).toBe(1);
    for (const bad of [expired, foreign, 'garbage']) {
      expect(replies.some(({ body }) => body.includes(bad))).toBe(false);
    }
    expect(harness.counted.refused.toSorted()).toEqual(['Audience', 'Expired', 'Malformed']);
  });

  it('answers 503 while tokens cannot be verified at all', async () => {
    await start({
      identity: { authenticate: () => Promise.resolve({ ok: false, reason: 'Unverifiable' }) },
    });
    const reply = await ask('/v1/credentials');
    expect(reply.status).toBe(503);
    expect(reply.headers['retry-after']).toBe('2');
    expect(JSON.parse(reply.body.toString())).toMatchObject({ error: { code: 'identity_unverifiable' } });
  });
});

describe('snapshots', () => {
  it('go out gzipped and immutable, the same bytes to every pod', async () => {
    const second = harness.pods.set(podNamed('web-2', { app: 'shop' }));
    const gzip = { headers: { 'accept-encoding': 'gzip' } };
    const first = await ask(`/v1/snapshots/${shop.hash}`, gzip);
    const other = await ask(`/v1/snapshots/${shop.hash}`, { ...gzip, token: await harness.token(second) });
    expect(first.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-type': 'application/json',
      'cache-control': 'private, max-age=31536000, immutable',
      etag: `"${shop.hash}"`,
    });
    expect(JSON.parse(gunzipSync(first.body).toString())).toEqual(shop);
    expect(other.body.equals(first.body)).toBe(true);
  });

  it('can be read with curl, which accepts no compression', async () => {
    const reply = await ask(`/v1/snapshots/${shop.hash}`);
    expect(reply.headers['content-encoding']).toBeUndefined();
    expect(JSON.parse(reply.body.toString())).toEqual(shop);
  });

  it('are given only to the pod that should run them, and only while it should', async () => {
    expect((await ask(`/v1/snapshots/${desk.hash}`)).status).toBe(404);
    expect((await ask(`/v1/snapshots/${'0'.repeat(64)}`)).status).toBe(404);
    server.publish(compiledOf({ app: 'shop', snapshot: desk }));
    const old = await ask(`/v1/snapshots/${shop.hash}`);
    expect(old.status).toBe(404);
    expect(JSON.parse(old.body.toString())).toEqual({
      error: {
        code: 'snapshot_not_found',
        message: `snapshot ${shop.hash} is not the one this pod should run`,
        retryable: true,
      },
    });
    expect((await ask(`/v1/snapshots/${desk.hash}`)).status).toBe(200);
  });
});

describe('credentials', () => {
  it('are those of the caller, plain and never stored', async () => {
    const reply = await ask('/v1/credentials', { headers: { 'accept-encoding': 'gzip' } });
    expect(reply.headers['cache-control']).toBe('no-store');
    expect(reply.headers['content-encoding']).toBeUndefined();
    expect(JSON.parse(reply.body.toString())).toEqual(shopKeys);
    const stranger = harness.pods.set(podNamed('desk', { app: 'desk' }));
    const others = await ask('/v1/credentials', { token: await harness.token(stranger) });
    expect(others.body.toString()).not.toContain('sk-shop');
  });

  it('are not there before anything is published', async () => {
    server = await harness.server();
    expect((await ask('/v1/credentials')).status).toBe(503);
  });
});

describe('reports', () => {
  it('are kept in the registry and answered with the next one due', async () => {
    const { status, answer } = await post(report());
    expect(status).toBe(200);
    expect(answer).toMatchObject({ ledgerShard: 0, acknowledgedSeq: 0 });
    expect(server.registry.get(pod.uid)).toMatchObject({
      pod: { namespace: 'shop', name: 'web', uid: pod.uid },
      labels: { app: 'shop' },
      connected: true,
      sentHash: shop.hash,
      proxyVersion: '1.2.3',
      features: ['failover'],
      ack: { hash: shop.hash, credentialsVersion: shopKeys.version, exceptions: [] },
    });
  });

  it('say whom the sidecar trusts, or nothing of it', async () => {
    await post(report({ trustBundle: 'ab'.repeat(32) }));
    expect(server.registry.get(pod.uid)).toMatchObject({ trustBundle: 'ab'.repeat(32) });
    // As from the version before: what an earlier process of the pod said is no longer known to hold.
    await post(report());
    expect(server.registry.get(pod.uid)?.trustBundle).toBeUndefined();
  });

  it('come back spread over time', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(report())));
    const waits = answers.map(({ answer }) => (answer as ReportAnswer).nextReportIn);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(16_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(24_000);
    expect(new Set(waits).size).toBeGreaterThan(10);
  });

  it('hand their rows on and acknowledge what was taken', async () => {
    const rows = [{ seq: 7 }, { seq: 8 }];
    expect((await post(report({ rows }))).answer).toMatchObject({ acknowledgedSeq: 8 });
    const taken: unknown[] = [];
    await start({
      account: async ({ name }, { epoch, rows: received }) => {
        taken.push(name, epoch, received);
        return { acknowledgedSeq: 7 };
      },
    });
    expect((await post(report({ rows }))).answer).toMatchObject({ acknowledgedSeq: 7 });
    expect(taken).toEqual(['web', 'e1', rows]);
  });

  it('make a pod without a stream here connected for a while', async () => {
    await post(report());
    expect(server.registry.get(pod.uid)).toMatchObject({ connected: true, connectedSince: 0 });
    harness.clock.advance(49_000);
    expect(server.registry.get(pod.uid)).toMatchObject({ connected: true, disconnectedAt: undefined });
    harness.clock.advance(3_000);
    expect(server.registry.get(pod.uid)).toMatchObject({ connected: false, disconnectedAt: 51_000 });
  });

  it('count how long a publication took to be acknowledged, once', async () => {
    await post(report({}, { hash: '' }));
    harness.clock.advance(250);
    await post(report());
    await post(report());
    expect(harness.counted.acknowledged).toEqual([250]);
  });

  it('of a pod that is gone leave no trace', async () => {
    await post(report());
    harness.pods.delete(pod.uid);
    expect(server.registry.list()).toEqual([]);
  });

  it('of a pod that goes while it reports leave none either', async () => {
    // The pod goes between its identification and the end of the body.
    const identity: Authenticator = {
      authenticate: () => {
        setImmediate(() => harness.pods.delete(pod.uid));
        return Promise.resolve({
          ok: true,
          identity: { pod, serviceAccount: 'default', expiresAt: Number.MAX_VALUE },
        });
      },
    };
    await start({ identity });
    const sending = request({
      host: '127.0.0.1',
      port: server.address.port,
      path: '/v1/report',
      method: 'POST',
      ca: harness.authority.ca,
      agent: false,
      headers: { 'content-length': Buffer.byteLength(report()) },
    });
    const answered = once(sending, 'response');
    sending.write(report().slice(0, 10));
    await until(() => harness.pods.get(pod.uid) === undefined);
    sending.end(report().slice(10));
    const [response] = (await answered) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
    expect(server.registry.list()).toEqual([]);
  });

  it.each([
    ['no JSON', '{"epoch":', 'it is not JSON'],
    ['a list', '[]', 'report must be an object'],
    ['no epoch', report({ epoch: undefined }), 'epoch must be a string of at most 64 characters'],
    ['a long epoch', report({ epoch: 'e'.repeat(65) }), 'epoch must be a string of at most 64 characters'],
    ['no ack', report({ ack: null }), 'ack must be an object'],
    ['a strange hash', report({}, { hash: 'xyz' }), 'ack.hash must be a sha256 in hex, or empty'],
    [
      'too many exceptions',
      report({}, { exceptions: Array.from({ length: 1001 }, () => ({})) }),
      'ack.exceptions must be a list of at most 1000 entries',
    ],
    [
      'a state it does not know',
      report({}, { exceptions: [{ id: 'a', state: 'Fine', reason: '' }] }),
      'ack.exceptions[].state must be Stale or Rejected',
    ],
    [
      'a generation that is no integer',
      report({}, { exceptions: [{ id: 'a', state: 'Stale', runningGeneration: 1.5, reason: '' }] }),
      'ack.exceptions[].runningGeneration must be an integer',
    ],
    ['trust in no hash', report({ trustBundle: 'x' }), 'trustBundle must be a sha256 in hex'],
    ['rows that are no list', report({ rows: {} }), 'rows must be a list of at most 1000 entries'],
    [
      'features that are no text',
      report({ features: [1] }),
      'features[] must be a string of at most 128 characters',
    ],
  ])('with %s are refused', async (_, body, reason) => {
    const { status, answer } = await post(body);
    expect(status).toBe(400);
    expect(answer).toMatchObject({
      error: { code: 'bad_report', message: `report is malformed: ${reason}` },
    });
    expect(server.registry.get(pod.uid)?.ack).toBeUndefined();
  });

  it('with members of a later version are taken', async () => {
    const { status } = await post(report({ demand: { tokens: 5 } }, { newer: true }));
    expect(status).toBe(200);
    expect(server.registry.get(pod.uid)?.ack).toEqual({
      hash: shop.hash,
      credentialsVersion: shopKeys.version,
      exceptions: [],
    });
  });

  it('beyond the size limit are refused', async () => {
    const { status, answer } = await post(report({ epoch: 'e'.repeat(2_200_000) }));
    expect(status).toBe(413);
    expect(answer).toMatchObject({ error: { code: 'body_too_large' } });
  });
});

describe('leadership', () => {
  it('sends reports to the leader, and serves everything else', async () => {
    await start({ isLeader: () => false, leaderAddress: () => '10.1.2.3:9443' });
    const { status, headers, answer } = await post(report());
    expect(status).toBe(421);
    expect(headers['x-outrider-leader']).toBe('10.1.2.3:9443');
    expect(answer).toMatchObject({ error: { code: 'not_leader', retryable: true } });
    expect((await ask(`/v1/snapshots/${shop.hash}`)).status).toBe(200);
    expect((await ask('/v1/credentials')).status).toBe(200);
  });

  it('without a leader names none', async () => {
    await start({ isLeader: () => false });
    const { status, headers } = await post(report());
    expect(status).toBe(421);
    expect(headers['x-outrider-leader']).toBeUndefined();
    expect(headers['retry-after']).toBe('2');
  });
});

describe('protocol versions', () => {
  it('serves the previous one and later ones, and refuses older ones by name', async () => {
    await start({ protocol: 3 });
    const status = async (version: string): Promise<number> =>
      (await ask('/v1/credentials', { headers: { 'x-outrider-protocol': version } })).status;
    expect(await status('2')).toBe(200);
    expect(await status('3')).toBe(200);
    expect(await status('4')).toBe(200);
    expect(await status('1')).toBe(426);
    expect(await status('newest')).toBe(426);
    expect(harness.counted.outdated).toEqual([1, -1]);
    expect(server.registry.get(pod.uid)).toMatchObject({ outdated: true, connected: false });
    expect(harness.counted.outdatedNow).toBe(1);
    await post(report());
    expect(server.registry.get(pod.uid)).toMatchObject({ outdated: false, connected: true });
    expect(harness.counted.outdatedNow).toBe(0);
    await status('1');
    expect(harness.counted.outdatedNow).toBe(1);
    harness.pods.delete(pod.uid);
    expect(harness.counted.outdatedNow).toBe(0);
  });

  it('states its own version in every answer', async () => {
    for (const reply of [
      await ask('/v1/credentials'),
      await ask('/nowhere'),
      await ask('/', { token: 'x' }),
    ]) {
      expect(reply.headers['x-outrider-protocol']).toBe('1');
    }
  });
});

describe('the server', () => {
  it('knows its endpoints and their methods', async () => {
    expect((await ask('/v1/snapshots/abc')).status).toBe(404);
    const wrongMethod = await ask('/v1/report');
    expect(wrongMethod.status).toBe(405);
    expect(wrongMethod.body.toString()).toContain('/v1/report takes POST, not GET');
    expect((await ask('/v1/credentials?x=1')).status).toBe(200);
  });

  it('hides a failure of its own and tells whoever runs it', async () => {
    const failures: unknown[] = [];
    await start({ onError: (error) => failures.push(error) });
    const broken = compiledOf();
    broken.credentialsFor = () => {
      throw new Error('sk-secret is in here');
    };
    server.publish(broken);
    const reply = await ask('/v1/credentials');
    expect(reply.status).toBe(500);
    expect(reply.body.toString()).not.toContain('sk-secret');
    expect(failures).toHaveLength(1);
  });

  it('serves nothing before it has a certificate, and from then on everything', async () => {
    await start({ tls: undefined });
    await expect(ask('/v1/credentials')).rejects.toThrow(/handshake|ECONNRESET|hang up/);
    server.setCertificate(await harness.authority.issue('127.0.0.1'));
    expect((await ask('/v1/credentials')).status).toBe(200);
  });

  it('ends though somebody is in the middle of connecting', async () => {
    const half = connect(server.address.port, '127.0.0.1');
    await once(half, 'connect');
    // Connections are accepted in order; once a later one was answered, the half one is inside.
    await ask('/v1/credentials');
    const ended = once(half, 'close');
    let closed = false;
    void harness.stopServer(server).then(() => (closed = true));
    await until(() => closed, 'the server to end');
    await ended;
    expect(half.destroyed).toBe(true);
  });

  it('serves another certificate without a restart', async () => {
    const stranger = await harness.authority.issue('elsewhere.test');
    server.setCertificate(stranger);
    await expect(ask('/v1/credentials')).rejects.toThrow(/altnames|does not match/);
    server.setCertificate(await harness.authority.issue('127.0.0.1'));
    expect((await ask('/v1/credentials')).status).toBe(200);
  });

  it('keeps connections between reports while they are few, and lets go of them soon once they are many', async () => {
    await start({ keptConnections: 2 });
    const kept: unknown[] = [];
    const agents: Agent[] = [];
    for (let n = 0; n < 4; n++) {
      const agent = new Agent({ keepAlive: true, ca: harness.authority.ca });
      agents.push(agent);
      kept.push((await ask('/v1/credentials', { agent })).headers['keep-alive']);
    }
    expect(kept).toEqual(['timeout=75', 'timeout=75', 'timeout=2', 'timeout=2']);
    // Of what a change brings about, a report is the last: nothing comes after it for long.
    const agent = new Agent({ keepAlive: true, ca: harness.authority.ca });
    agents.push(agent);
    const reported = await ask('/v1/report', { agent, method: 'POST', body: report() });
    expect(reported).toMatchObject({ status: 200, headers: { connection: 'close' } });
    for (const each of agents) each.destroy();
  });

  it('fails to start where its port is taken', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const { port } = squatter.address() as { port: number };
    await expect(harness.server({ listen: { host: '127.0.0.1', port } })).rejects.toThrow('EADDRINUSE');
    await new Promise((resolve) => squatter.close(resolve));
  });
});
