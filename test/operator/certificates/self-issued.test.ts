import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import type { FleetTrust } from '../../../operator/certificates/rotation.ts';
import { until } from '../support/manual-clock.ts';
import { Replicas, type TestReplica } from './support/replicas.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let api: ApiServer;
let replicas: Replicas;

beforeEach(async () => {
  api = await startApiServer({ crds: [] });
  replicas = new Replicas(api.kubeconfig());
  await replicas.createNamespace();
});

afterEach(async () => {
  await replicas.stop();
  await api.close();
});

const serves = (replica: TestReplica) =>
  until(() => replica.certificates.serving.current !== undefined, 'a certificate');

/** Moves time on and lets everyone look. */
async function pass(ms: number, ...running: TestReplica[]): Promise<void> {
  replicas.clock.advance(ms);
  for (const { certificates } of running) certificates.look();
  await Promise.all(running.map(({ certificates }) => certificates.queue.idle()));
}

const inState = (state: string) => until(async () => (await replicas.state()) === state, `state ${state}`);

describe('the first certificate', () => {
  it('is made once however many replicas start at once, and all serve it', async () => {
    const running = [1, 2, 3, 4].map(() => replicas.start({ isLeader: () => false }));
    await Promise.all(running.map(serves));
    const ca = await replicas.text('ca.crt');
    await until(() => running.every(({ bundles }) => bundles.at(-1) === ca));
    for (const { bundles, served } of running) {
      expect(bundles).toEqual([ca]);
      expect(served).toEqual([await replicas.text('tls.crt')]);
    }
    expect(ca.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
    expect(await replicas.secret()).toMatchObject({ type: 'kubernetes.io/tls' });
    expect(running[0]?.certificates.facts()).toMatchObject({ state: 'Stable' });
  });

  it('is found by a replica that starts later', async () => {
    await serves(replicas.start());
    const before = await replicas.secret();
    const later = replicas.start();
    await serves(later);
    expect(await replicas.secret()).toEqual(before);
    expect(later.certificates.serving.current?.cert).toBe(await replicas.text('tls.crt'));
  });

  it('is made in a Secret that is there and empty, of whatever type, and leaves its labels', async () => {
    const metadata = { name: 'outrider-tls', namespace: 'outrider-system', labels: { team: 'a' } };
    const body = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata };
    await replicas.client.json({ method: 'POST', path: '/api/v1/namespaces/outrider-system/secrets', body });
    await serves(replicas.start());
    expect(await replicas.secret()).toMatchObject({ type: 'Opaque', metadata: { labels: { team: 'a' } } });
  });
});

describe('the serving certificate', () => {
  it('is renewed by the leader, and followed by all, under the same authority', async () => {
    const leader = replicas.start();
    const follower = replicas.start({ isLeader: () => false });
    await Promise.all([leader, follower].map(serves));
    await pass(59 * DAY, leader, follower);
    expect(leader.served).toHaveLength(1);
    await pass(DAY, follower);
    expect(follower.served).toHaveLength(1);
    await pass(0, leader);
    await until(() => follower.served.length === 2, 'the follower to follow');
    expect(leader.served).toEqual(follower.served);
    expect(leader.bundles).toHaveLength(1);
  });

  it('is issued anew for other names', async () => {
    const first = replicas.start();
    await serves(first);
    await first.stop();
    const second = replicas.start({ names: ['outrider.elsewhere.svc'] });
    await until(() => second.served.length === 2);
    await second.certificates.queue.idle();
    expect(second.bundles).toEqual(first.bundles);
    await pass(1_000, second);
    expect(second.served).toHaveLength(2);
  });
});

describe('a Secret that somebody', () => {
  it('deletes is put back as it was', async () => {
    const running = [replicas.start(), replicas.start({ isLeader: () => false })];
    await Promise.all(running.map(serves));
    const before = await replicas.secret();
    await replicas.remove();
    await until(async () => (await replicas.secret()) !== undefined, 'the Secret');
    expect((await replicas.secret())?.data).toEqual(before?.data);
    for (const { bundles, served } of running) expect([bundles.length, served.length]).toEqual([1, 1]);
  });

  it.each([
    ['a key', { 'tls.key': 'garbage' }],
    ['the authority', { 'signer.crt': null, 'signer.key': null }],
    ['the state', { 'state.json': '{"state":"Hacked"}' }],
    ['everything', { 'tls.crt': 'x', 'tls.key': 'x', 'ca.crt': 'x', 'signer.crt': 'x', 'state.json': 'x' }],
  ])('damages, %s, is mended from memory', async (_, damage) => {
    const replica = replicas.start({ isLeader: () => false });
    await serves(replica);
    const before = await replicas.secret();
    await replicas.damage(damage);
    await until(
      async () =>
        (await replicas.text('tls.key')) ===
          Buffer.from(before?.data?.['tls.key'] ?? '', 'base64').toString() &&
        (await replicas.state()) === 'Stable',
      'the Secret to be mended',
    );
    expect((await replicas.secret())?.data).toEqual(before?.data);
    expect([replica.bundles.length, replica.served.length]).toEqual([1, 1]);
  });

  it('damaged while nobody ran is made anew', async () => {
    const first = replicas.start();
    await serves(first);
    await first.stop();
    await replicas.damage({ 'signer.key': 'garbage' });
    const running = [replicas.start(), replicas.start()];
    await Promise.all(running.map(serves));
    await until(() => running.every(({ bundles }) => bundles.length === 1));
    expect(running[0]?.bundles).toEqual(running[1]?.bundles);
    expect(running[0]?.bundles).not.toEqual(first.bundles);
  });
});

describe('rotation', () => {
  let fleet: FleetTrust;
  let published: boolean;
  beforeEach(() => {
    fleet = { behind: 1, silent: 0 };
    published = true;
  });
  const start = () => replicas.start({ fleet: () => fleet, published: () => published });

  /** A leader whose authority is in its last third. */
  async function introduced(): Promise<TestReplica> {
    const leader = start();
    await serves(leader);
    await pass(244 * DAY, leader);
    await inState('Introducing');
    await leader.certificates.queue.idle();
    return leader;
  }

  /** Looks again, a minute at a time, as a leader has to listen for one. */
  async function settle(leader: TestReplica, minutes = 12): Promise<void> {
    for (let n = 0; n < minutes; n++) await pass(MINUTE, leader);
  }

  it('goes through all states, and the authority that retires takes its key along', async () => {
    const leader = await introduced();
    const [before] = leader.bundles;
    const both = leader.bundles.at(-1) ?? '';
    expect(both.startsWith(before as string)).toBe(true);
    await settle(leader);
    expect(await replicas.state()).toBe('Introducing');
    fleet = { behind: 0, silent: 0 };
    published = false;
    await settle(leader);
    expect(await replicas.state()).toBe('Introducing');
    published = true;
    await settle(leader, 1);
    await inState('Retiring');
    expect(leader.bundles).toEqual([before, both]);
    expect(Object.keys((await replicas.secret())?.data ?? {})).not.toContain('next.key');
    const { authorityNotAfter = 0 } = leader.certificates.facts() ?? {};
    expect(authorityNotAfter - replicas.clock.wall()).toBeGreaterThan(300 * DAY);
    await pass(89 * DAY, leader);
    expect(await replicas.state()).toBe('Retiring');
    await pass(2 * DAY, leader);
    await pass(0, leader);
    await inState('Stable');
    expect(leader.bundles.at(-1)).toBe(both.slice((before as string).length));
  });

  it('is left alone by a follower', async () => {
    const follower = replicas.start({ isLeader: () => false });
    await serves(follower);
    await pass(80 * DAY, follower);
    expect(follower.served).toHaveLength(1);
  });

  it.each(['Introducing', 'Retiring'])(
    'interrupted in state %s goes on in another process',
    async (state) => {
      const first = await introduced();
      if (state === 'Retiring') {
        fleet = { behind: 0, silent: 0 };
        await settle(first);
        await inState('Retiring');
      }
      const before = (await replicas.secret())?.data;
      await first.stop();
      const second = start();
      await serves(second);
      await second.certificates.queue.idle();
      expect((await replicas.secret())?.data).toEqual(before);
      expect(second.bundles).toEqual(first.bundles.slice(-1));
      fleet = { behind: 0, silent: 0 };
      await settle(second, 13);
      await inState('Retiring');
      await pass(92 * DAY, second);
      await pass(0, second);
      await inState('Stable');
      expect(second.bundles.at(-1)).toBe(first.bundles.at(-1)?.slice(first.bundles[0]?.length));
    },
  );

  it('of two that think they lead is done once', async () => {
    const running = [start(), start()];
    await Promise.all(running.map(serves));
    replicas.clock.advance(244 * DAY);
    for (const { certificates } of running) certificates.look();
    await inState('Introducing');
    await Promise.all(running.map(({ certificates }) => certificates.queue.idle()));
    await until(() => running.every(({ bundles }) => bundles.length === 2));
    expect(running[0]?.bundles).toEqual(running[1]?.bundles);
  });

  it('that was undone by restoring an older Secret is followed', async () => {
    const leader = start();
    await serves(leader);
    const data = (await replicas.secret())?.data ?? {};
    await pass(61 * DAY, leader);
    await until(() => leader.served.length === 2);
    await leader.certificates.queue.idle();
    const texts = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
    await replicas.damage(Object.fromEntries(texts) as Record<string, string>);
    // It is whole, so it is served, and renewed again since it is due.
    await until(() => leader.served.length >= 3);
    expect(leader.served[2]).toBe(leader.served[0]);
  });
});
