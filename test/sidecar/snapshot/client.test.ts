import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FleetLink } from '../../../sidecar/snapshot/fleet/link.ts';
import { LastKnownGood } from '../../../sidecar/snapshot/last-known-good.ts';
import type { Report } from '../../../sidecar/snapshot/messages.ts';
import type { Snapshot } from '../../../sidecar/snapshot/schema.ts';
import { until } from '../../operator/support/manual-clock.ts';
import { testAuthority } from '../../operator/sync/support/certificates.ts';
import { keys, providerItem, routeItem, snapshotOf } from '../../operator/sync/support/snapshots.ts';
import { ScriptedOperator } from './scripted-operator.ts';

const first = snapshotOf(routeItem('a'));
const second = snapshotOf(routeItem('a', 2));

let operator: ScriptedOperator;

beforeEach(async () => {
  operator = await ScriptedOperator.start();
});
afterEach(() => operator.close());

async function runFirst(options: Parameters<ScriptedOperator['client']>[0] = {}) {
  operator.snapshot = first;
  const client = await operator.client(options);
  await until(() => operator.reported?.ack.hash === first.hash, 'the first acknowledgement');
  return client;
}

function json(res: ServerResponse, body: unknown): void {
  res.end(JSON.stringify(body));
}

describe('garbage never hurts what runs', () => {
  const bodies: [string, (res: ServerResponse) => void][] = [
    ['a body that is no JSON', (res) => void res.end('<html>')],
    ['a body that is no snapshot', (res) => json(res, { items: 1 })],
    ['another snapshot', (res) => json(res, first)],
    ['a snapshot with a wrong hash', (res) => json(res, { ...first, hash: second.hash })],
    ['a snapshot of a version to come', (res) => json(res, { ...second, version: 9 })],
    ['a server error', (res) => void res.writeHead(500).end('{}')],
    ['a redirect', (res) => void res.writeHead(302, { location: 'https://evil.test/' }).end()],
    [
      'a zip bomb',
      (res) => void res.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(30_000_000))),
    ],
    ['an endless body', (res) => endless(res)],
    [
      'half a body',
      (res) => void res.writeHead(200, { 'content-length': 1000 }).write('{', () => res.destroy()),
    ],
    ['no answer at all', (res) => void res.destroy()],
  ];

  function endless(res: ServerResponse): void {
    const more = (): void => {
      while (!res.destroyed && res.write(Buffer.alloc(65_536, 0x20)));
      if (!res.destroyed) res.once('drain', more);
    };
    res.on('error', () => {});
    more();
  }

  it.each(bodies)('%s', async (_, misbehave) => {
    const client = await runFirst();
    let tries = 0;
    operator.script.set('/v1/snapshots/hash', (_req, res) => {
      tries += 1;
      misbehave(res);
    });
    operator.announce(second);
    await until(() => tries >= 3, 'three tries');
    expect(operator.holder.effective?.routes[0]).toMatchObject({ generation: 1 });
    expect(operator.holder.status()).toMatchObject({ origin: 'Live', hash: first.hash });
    expect(client.status().problem).toMatch(/^fetch: /);
    operator.script.clear();
    await until(() => operator.reported?.ack.hash === second.hash, 'recovery');
    expect(client.status()).toEqual({ connected: true, outdated: false, problem: undefined });
    expect(operator.streams).toHaveLength(1);
  });

  it.each([
    ['a list of keys that is none', (res: ServerResponse) => json(res, { version: '2', credentials: {} })],
    ['keys that are no JSON', (res: ServerResponse) => void res.end('sk-secret')],
    ['keys without values', (res: ServerResponse) => json(res, { version: '2', credentials: [{ id: 'k' }] })],
  ])('%s', async (_, misbehave) => {
    operator.set = keys({ k: 'sk-1' });
    await runFirst();
    operator.send(`event: credentials\ndata: {"version":"${operator.set.version}"}\n\n`);
    await until(() => operator.credentials.get('k') === 'sk-1');
    let tries = 0;
    operator.script.set('/v1/credentials', (_req, res) => {
      tries += 1;
      misbehave(res);
    });
    operator.set = keys({ k: 'sk-2' });
    operator.send(`event: credentials\ndata: {"version":"${operator.set.version}"}\n\n`);
    await until(() => tries >= 3);
    expect(operator.credentials.get('k')).toBe('sk-1');
    operator.script.clear();
    await until(() => operator.credentials.get('k') === 'sk-2');
    expect(operator.warnings.join()).not.toContain('sk-');
  });

  it.each([
    ['an event that is no JSON', 'event: snapshot\ndata: <\n\n'],
    ['a hash that is none', 'event: snapshot\ndata: {"hash":"../credentials"}\n\n'],
    ['an endless line', 'x'.repeat(100_000)],
    ['a credentials event without a version', 'event: credentials\ndata: []\n\n'],
  ])('%s', async (_, text) => {
    await runFirst();
    operator.send(text);
    await until(() => operator.streams.length === 2, 'a new stream');
    expect(operator.holder.hash).toBe(first.hash);
    operator.announce(second);
    await until(() => operator.reported?.ack.hash === second.hash, 'recovery');
  });

  it('events of types to come are ignored', async () => {
    await runFirst();
    operator.send('event: hints\ndata: {"provider":"x"}\n\nevent: leases\ndata: <\n\n');
    operator.announce(second);
    await until(() => operator.reported?.ack.hash === second.hash);
    expect(operator.streams).toHaveLength(1);
  });

  it.each([
    ['no event stream', (res: ServerResponse) => void res.end('hello'), 'is no event stream'],
    ['an error', (res: ServerResponse) => void res.writeHead(503).end(), 'answered 503'],
    [
      'an operator without a protocol',
      (res: ServerResponse) => {
        res.removeHeader('x-outrider-protocol');
        res.writeHead(200, { 'content-type': 'text/event-stream' }).end();
      },
      'speaks a protocol that is older',
    ],
  ])('%s in place of the stream', async (_, misbehave, problem) => {
    let tries = 0;
    operator.script.set('/v1/stream', (_req, res) => {
      tries += 1;
      misbehave(res);
    });
    const client = await operator.client();
    await until(() => tries >= 3);
    expect(client.status().problem).toContain(problem);
    operator.script.clear();
    operator.snapshot = first;
    await until(() => operator.reported?.ack.hash === first.hash);
  });
});

describe('the stream', () => {
  it('that is silent for too long is given up', async () => {
    await runFirst();
    operator.clock.advance(40_000);
    operator.send(':\n\n');
    await until(() => operator.clock.waits.includes(45_000), 'the deadline to move');
    operator.clock.advance(44_999);
    expect(operator.streams).toHaveLength(1);
    operator.clock.advance(1);
    await until(() => operator.streams.length === 2, 'a new stream');
    expect(operator.warnings.join()).toContain('silent for 45000 ms');
  });

  it('is asked for again with full jitter, and ever more seldom', async () => {
    let tries = 0;
    operator.script.set('/v1/stream', (_req, res) => {
      tries += 1;
      res.destroy();
    });
    await operator.client({ random: () => 0.999 });
    const waits: number[] = [];
    for (let n = 1; n <= 8; n++) {
      // The deadline of the attempt itself is 10 s.
      const backingOff = (): boolean =>
        operator.clock.waits.length === 1 && operator.clock.waits[0] !== 10_000;
      await until(() => tries === n && backingOff(), `try ${n}`);
      const [wait = 0] = operator.clock.waits;
      waits.push(Math.round(wait / 0.999));
      operator.clock.advance(wait);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  it('is opened with the token as it is in its file then', async () => {
    await runFirst();
    expect(operator.tokens[0]).toBe('Bearer token-1');
    writeFileSync(operator.tokenFile, 'token-2');
    operator.streams.at(-1)?.end();
    await until(() => operator.streams.length === 2);
    expect(operator.tokens.at(-1)).toBe('Bearer token-2');
  });

  it('waits for a token that is not there yet', async () => {
    operator.snapshot = first;
    const client = await operator.client({ tokenFile: path.join(operator.directory, 'later') });
    await until(() => client.status().problem?.includes('ENOENT') ?? false);
    writeFileSync(path.join(operator.directory, 'later'), 'token-3');
    await until(() => operator.reported?.ack.hash === first.hash);
    expect(operator.tokens[0]).toBe('Bearer token-3');
  });

  it('does not open without https', async () => {
    await expect(operator.client({ url: 'http://127.0.0.1:1' })).rejects.toThrow('must be https');
  });
});

describe('fetching', () => {
  it('gives up on what does not come in time', async () => {
    await runFirst();
    let hanging = 0;
    operator.script.set('/v1/snapshots/hash', () => void (hanging += 1));
    operator.announce(second);
    await until(() => hanging === 1);
    operator.script.clear();
    operator.clock.advance(10_000);
    await until(() => operator.reported?.ack.hash === second.hash);
    expect(operator.warnings.join()).toContain('no answer within 10000 ms');
  });

  /** Announces, and waits until the client has read it: then the deadline of the stream's silence has moved. */
  async function announceAndHear(...snapshots: Snapshot[]): Promise<void> {
    operator.clock.advance(1);
    for (const snapshot of snapshots) operator.announce(snapshot);
    await until(() => operator.clock.waits.includes(45_000), 'the announcement to be read');
  }

  it('swaps in only the newest of what is announced meanwhile', async () => {
    await runFirst();
    const swaps: string[] = [];
    operator.holder.onChange(({ hash }) => swaps.push(hash));
    const third = snapshotOf(routeItem('a', 3));
    const fourth = snapshotOf(routeItem('a', 4));
    operator.script.set('/v1/snapshots/hash', (_req, res) => {
      operator.script.clear();
      void announceAndHear(third, fourth).then(() => json(res, second));
    });
    operator.announce(second);
    await until(() => operator.reported?.ack.hash === fourth.hash);
    expect(swaps).toEqual([fourth.hash]);
    expect(operator.count(`GET /v1/snapshots/${third.hash}`)).toBe(0);
  });

  it('takes an overtaken body when announcements come faster than bodies for long', async () => {
    await runFirst();
    const swaps: string[] = [];
    operator.holder.onChange(({ hash }) => swaps.push(hash));
    let generation = 2;
    operator.script.set('/v1/snapshots/hash', (_req, res) => {
      const { snapshot } = operator;
      generation += 1;
      operator.clock.advance(500);
      void announceAndHear(snapshotOf(routeItem('a', generation))).then(() => json(res, snapshot));
    });
    operator.announce(second);
    await until(() => swaps.length >= 2, 'two swaps');
    operator.script.clear();
    expect(generation).toBeGreaterThan(2 + 4);
    expect(generation).toBeLessThan(2 + 14);
  });

  it('asks again for a body that a replica does not have yet', async () => {
    await runFirst();
    let misses = 0;
    operator.script.set('/v1/snapshots/hash', (_req, res) => {
      misses += 1;
      if (misses === 2) operator.script.clear();
      res.writeHead(404).end('{}');
    });
    operator.announce(second);
    await until(() => operator.reported?.ack.hash === second.hash);
    expect(misses).toBe(2);
  });

  it('takes keys away even when the snapshot beside them is unusable', async () => {
    operator.set = keys({ k: 'sk-1' });
    await runFirst();
    operator.send(`event: credentials\ndata: {"version":"${operator.set.version}"}\n\n`);
    await until(() => operator.credentials.has('k'));
    operator.script.set('/v1/snapshots/hash', (_req, res) => void res.writeHead(500).end());
    operator.set = keys({});
    operator.snapshot = second;
    operator.send(
      `event: credentials\ndata: {"version":"${operator.set.version}"}\n\nevent: snapshot\ndata: {"hash":"${second.hash}"}\n\n`,
    );
    await until(() => !operator.credentials.has('k'));
    expect(operator.holder.hash).toBe(first.hash);
  });

  it('asks for keys once more where the snapshot names newer ones', async () => {
    const item = providerItem();
    const [credential] = item.body?.credentials ?? [];
    if (!credential) throw new Error('the provider has a credential');
    const named = (version: string) => {
      credential.version = version;
      return snapshotOf(structuredClone(item));
    };
    const set = (value: string, version: string) => ({
      version,
      credentials: [{ id: credential.id, value, version }],
    });
    await runFirst();
    operator.set = set('sk-1', 'u.1');
    operator.announce(named('u.1'));
    operator.send(`event: credentials\ndata: {"version":"u.1"}\n\n`);
    await until(() => operator.credentials.get(credential.id) === 'sk-1');
    operator.set = set('sk-2', 'u.2');
    operator.announce(named('u.2'));
    await until(() => operator.credentials.get(credential.id) === 'sk-2');
    // An operator that does not have them either is asked no more than that.
    const third = named('u.3');
    const asked = operator.count('GET /v1/credentials');
    operator.announce(third);
    await until(() => operator.reported?.ack.hash === third.hash);
    operator.announce(named('u.2'));
    await until(() => operator.reported?.ack.hash !== third.hash);
    expect(operator.count('GET /v1/credentials')).toBe(asked + 1);
  });
});

describe('reports', () => {
  it('come after every change and as often as asked', async () => {
    await runFirst();
    const before = operator.reports.length;
    await until(() => operator.clock.waits.includes(20_000));
    operator.clock.advance(20_000);
    await until(() => operator.reports.length === before + 1);
    operator.announce(second);
    await until(() => operator.reported?.ack.hash === second.hash);
    const epochs = new Set(operator.reports.map(({ epoch }) => epoch));
    expect(epochs.size).toBe(1);
    expect(operator.reported).toMatchObject({ proxyVersion: '1', rows: [] });
    expect(operator.reported?.features).toContain('failover');
  });

  it('say whom the sidecar trusts, once it does', async () => {
    await runFirst();
    const caFile = path.join(operator.directory, 'ca.pem');
    const bundle = readFileSync(caFile, 'utf8');
    expect(operator.reported?.trustBundle).toBe(createHash('sha256').update(bundle).digest('hex'));
    const longer = `${bundle}\n${(await testAuthority()).ca}`;
    writeFileSync(caFile, longer);
    const trusted = createHash('sha256').update(longer).digest('hex');
    for (let n = 0; n < 8 && operator.reported?.trustBundle !== trusted; n++) {
      const reports = operator.reports.length;
      // Heartbeats, or the stream would be given up.
      operator.send(':\n\n');
      const { clock } = operator;
      await until(() => clock.waits.includes(45_000) && clock.waits.includes(20_000), 'both timers anew');
      operator.clock.advance(20_000);
      await until(() => operator.reports.length > reports);
    }
    expect(operator.reported?.trustBundle).toBe(trusted);
    expect(operator.streams).toHaveLength(1);
  });

  it('carry what was learnt until they are answered, and bring hints', async () => {
    const fleet = new FleetLink();
    const news = [{ seen: 1 }, { seen: 2 }];
    const heard: unknown[] = [];
    fleet.report({ topic: 'providers', take: () => news.shift() });
    fleet.onHints('providers', (value) => void heard.push(value));
    const carried: unknown[] = [];
    operator.script.set('/v1/report', (_req, res, body) => {
      carried.push((JSON.parse(body) as Report).fleet);
      if (carried.length === 1) return void res.writeHead(500).end('{}');
      json(res, { nextReportIn: 20_000, ledgerShard: 0, acknowledgedSeq: 0, hints: { providers: 'slow' } });
    });
    operator.snapshot = first;
    await operator.client({}, fleet);
    await until(() => heard.includes('slow'), 'hints in an answer');
    expect(carried.slice(0, 2)).toEqual([
      { sequence: 1, providers: { seen: 1 } },
      { sequence: 1, providers: { seen: 1 } },
    ]);
    operator.send('event: hints\ndata: {"providers":"down"}\n\nevent: hints\ndata: no json\n\n');
    await until(() => heard.includes(undefined), 'hints of the stream');
    expect(heard.filter((value) => value !== 'slow')).toEqual(['down', undefined]);
    expect(operator.streams).toHaveLength(1);
  });

  it('come early where others should know, but no more often than every five seconds', async () => {
    const fleet = new FleetLink();
    operator.snapshot = first;
    await operator.client({}, fleet);
    await until(() => operator.reported?.ack.hash === first.hash && operator.clock.waits.includes(20_000));
    const before = operator.reports.length;
    for (let n = 0; n < 100; n++) fleet.urgent();
    operator.clock.advance(4_999);
    expect(operator.reports).toHaveLength(before);
    operator.clock.advance(1);
    await until(() => operator.reports.length === before + 1, 'the early report');
  });

  it('carry rows until they are acknowledged', async () => {
    const acknowledged: number[] = [];
    const rows = [{ seq: 1 }, { seq: 2 }, { seq: 3 }];
    let failing = true;
    operator.script.set('/v1/report', (_req, res, body) => {
      operator.reports.push(JSON.parse(body));
      if (failing) return void res.writeHead(500).end();
      json(res, { nextReportIn: 20_000, ledgerShard: 0, acknowledgedSeq: 2 });
    });
    operator.snapshot = first;
    await operator.client({
      rows: { pending: (limit) => rows.slice(0, limit), acknowledge: (seq) => void acknowledged.push(seq) },
    });
    await until(() => operator.reports.length >= 3);
    expect(operator.reports.map((report) => report.rows)).toEqual(operator.reports.map(() => rows));
    expect(acknowledged).toEqual([]);
    failing = false;
    await until(() => acknowledged.length > 0);
    expect(acknowledged[0]).toBe(2);
  });

  it('hand in what is left at the end, as far as it goes', async () => {
    operator.snapshot = first;
    const rows = Array.from({ length: 2_500 }, (_, i) => ({ seq: i + 1 }));
    const received: number[] = [];
    let known = true;
    operator.script.set('/v1/report', (_, res, body) => {
      const report = JSON.parse(body) as { rows: { seq: number }[] };
      received.push(report.rows.length);
      json(res, {
        nextReportIn: 20_000,
        ledgerShard: 0,
        acknowledgedSeq: known ? (report.rows.at(-1)?.seq ?? 0) : 0,
      });
    });
    const spool: { seq: number }[] = [];
    const client = await operator.client({
      rows: {
        pending: (limit) => spool.slice(0, limit),
        acknowledge: (seq) => void spool.splice(0, spool.findLastIndex((row) => row.seq <= seq) + 1),
      },
    });
    await until(() => received.length > 0, 'the first report');
    received.length = 0;
    spool.push(...rows);
    await client.flush(10_000);
    expect(received.filter((count) => count > 0)).toEqual([1_000, 1_000, 500]);
    expect(spool).toEqual([]);

    // An operator that keeps nothing ends the attempt instead of being asked for ever.
    known = false;
    spool.push({ seq: 3_000 });
    await client.flush(10_000);
    expect(spool).toHaveLength(1);
  });

  it('hand in a backlog as fast as the ledger writes it down', async () => {
    operator.snapshot = first;
    const { clock } = operator;
    const spool = Array.from({ length: 4_500 }, (_, i) => ({ seq: i + 1 }));
    const brought: { seq: number; at: number }[] = [];
    operator.script.set('/v1/report', (_, res, body) => {
      const { rows } = JSON.parse(body) as { rows: { seq: number }[] };
      const now = clock.monotonic();
      // What came is safe once it is written, every five seconds.
      const safe = brought.findLast(({ at }) => Math.floor(at / 5_000) < Math.floor(now / 5_000));
      brought.push({ seq: rows.at(-1)?.seq ?? 0, at: now });
      json(res, { nextReportIn: 20_000, ledgerShard: 0, acknowledgedSeq: safe?.seq ?? 0 });
    });
    await operator.client({
      rows: {
        pending: (limit) => spool.slice(0, limit),
        acknowledge: (seq) => void spool.splice(0, spool.findLastIndex((row) => row.seq <= seq) + 1),
      },
    });
    const began = clock.monotonic();
    // The deadline of what is under way is ten seconds.
    const rests = () => !clock.waits.includes(10_000) && clock.waits.some((ms) => ms <= 20_000);
    while (spool.length > 0) {
      await until(rests, 'a report to be answered');
      const count = brought.length;
      clock.advance(clock.waits[0] ?? 0);
      await until(() => brought.length > count || spool.length === 0, 'another report');
    }
    // Thousand by thousand, and what is left with a regular report.
    expect(clock.monotonic() - began).toBeLessThanOrEqual(5 * 5_000 + 20_000);
    // Each is sent and asked for, and no more than that.
    expect(brought.length).toBeLessThanOrEqual(2 * 5 + 2);
  });

  it('carry as many rows as fit', async () => {
    const rows = Array.from({ length: 1_000 }, (_, seq) => ({ seq, note: 'x'.repeat(5_000) }));
    operator.snapshot = first;
    await operator.client({ rows: { pending: (limit) => rows.slice(0, limit), acknowledge: () => {} } });
    await until(() => operator.reports.length > 0);
    const [report] = operator.reports;
    expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThanOrEqual(2_097_152);
    expect(report?.rows.length).toBeGreaterThan(400);
  });

  it('name no more exceptions than an operator takes', async () => {
    const items = Array.from({ length: 1_200 }, (_, n) => routeItem(`r${n}`, 1, { requires: ['later'] }));
    const many = snapshotOf(...items);
    operator.snapshot = many;
    await operator.client();
    await until(() => operator.reported?.ack.hash === many.hash);
    expect(operator.reported?.ack.exceptions).toHaveLength(1_000);
  });
});

describe('connections', () => {
  it('are two: the stream, and one for everything else', async () => {
    await runFirst();
    await until(() => operator.clock.waits.includes(20_000), 'the first report to be answered');
    const before = operator.connections;
    for (let generation = 2; generation < 12; generation++) {
      const next = snapshotOf(routeItem('a', generation));
      operator.announce(next);
      await until(() => operator.reported?.ack.hash === next.hash && operator.clock.waits.includes(20_000));
    }
    for (let minute = 0; minute < 4; minute++) {
      const reports = operator.reports.length;
      operator.clock.advance(20_000);
      await until(() => operator.reports.length > reports && operator.clock.waits.includes(20_000));
      operator.clock.advance(1);
      operator.send(':\n\n');
      await until(() => operator.clock.waits.includes(45_000));
    }
    expect(operator.connections).toBe(before);
    expect(before).toBe(2);
  });

  it('that break off when they are used again are replaced once, without a failure', async () => {
    await runFirst();
    await until(() => operator.clock.waits.includes(20_000));
    let broken = 0;
    operator.script.set('/v1/snapshots/hash', (_req, res) => {
      operator.script.clear();
      broken += 1;
      res.destroy();
    });
    operator.announce(second);
    await until(() => operator.reported?.ack.hash === second.hash);
    expect(broken).toBe(1);
    expect(operator.warnings).toEqual([]);
  });

  it('trust another authority as soon as the one they knew fails', async () => {
    await runFirst();
    await until(() => operator.clock.waits.includes(20_000));
    await operator.changeAuthority();
    operator.dropIdle();
    operator.announce(second);
    await until(() => operator.reported?.ack.hash === second.hash);
    expect(operator.streams).toHaveLength(1);
  });

  it('that the server closed while they were idle are replaced without a failure', async () => {
    const client = await runFirst();
    await until(() => operator.clock.waits.includes(20_000));
    operator.dropIdle();
    operator.announce(second);
    await until(() => operator.reported?.ack.hash === second.hash);
    expect(client.status().problem).toBeUndefined();
    expect(operator.warnings).toEqual([]);
  });
});

describe('the last known good', () => {
  it('that is foreign is ignored with a reason, and the start goes on', async () => {
    const file = path.join(operator.directory, 'last-known-good.json');
    const snapshot = { ...first, hash: second.hash };
    const foreign = { format: 1, savedAt: 1, kept: [], snapshot, credentials: keys({ k: 'sk-foreign' }) };
    writeFileSync(file, JSON.stringify(foreign), { mode: 0o600 });
    operator.snapshot = second;
    const inMemory = () => Promise.resolve(true);
    await operator.client({ lastKnownGood: new LastKnownGood({ directory: operator.directory, inMemory }) });
    expect(operator.holder.status().origin).toBe('None');
    expect(operator.credentials.has('k')).toBe(false);
    expect(operator.warnings[0]).toMatch(/not usable.*its hash is/);
    await until(() => operator.reported?.ack.hash === second.hash);
  });

  it('that cannot be written stops nothing', async () => {
    await runFirst({
      lastKnownGood: new LastKnownGood({ directory: path.join(operator.directory, 'none') }),
    });
    await until(() => operator.warnings.some((warning) => warning.includes('was not written')));
    expect(operator.holder.status().origin).toBe('Live');
  });
});

describe('stopping', () => {
  it('ends everything that is under way', async () => {
    const client = await runFirst();
    operator.script.set('/v1/snapshots/hash', () => {});
    operator.announce(second);
    await until(() => operator.count(`GET /v1/snapshots/${second.hash}`) === 1);
    await client.stop();
    expect(operator.clock.waits).toEqual([]);
    const asked = operator.asked.length;
    operator.clock.advance(600_000);
    expect(operator.asked).toHaveLength(asked);
    expect(operator.holder.hash).toBe(first.hash);
    await expect(client.start(operator.holder, operator.credentials)).rejects.toThrow('started twice');
  });
});
