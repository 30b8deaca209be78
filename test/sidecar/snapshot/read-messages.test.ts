import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  readAnswer,
  readCredentials,
  readCredentialsEvent,
  readJson,
  readLeader,
  readSnapshotEvent,
} from '../../../sidecar/snapshot/read-messages.ts';

const answer = (body: Buffer, encoding?: string) => ({
  status: 200,
  headers: encoding === undefined ? {} : { 'content-encoding': encoding },
  body,
});

describe('answers', () => {
  it('may be compressed or not', async () => {
    const text = JSON.stringify({ a: 1 });
    expect(await readJson(answer(Buffer.from(text)), 100)).toEqual({ a: 1 });
    expect(await readJson(answer(gzipSync(text), 'gzip'), 100)).toEqual({ a: 1 });
  });

  it('are not unpacked beyond their bound', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    expect(bomb.length).toBeLessThan(60_000);
    await expect(readJson(answer(bomb, 'gzip'), 1_000_000)).rejects.toThrow(
      'no gzip of at most 1000000 bytes',
    );
  });

  it.each([
    ['other encodings', Buffer.from('{}'), 'br', 'encoded as br'],
    ['what is no gzip', Buffer.from('{}'), 'gzip', 'no gzip'],
    ['what is no JSON', Buffer.from('sk-secret'), undefined, 'the answer is not JSON'],
  ])('of %s are refused', async (_, body, encoding, reason) => {
    const read = readJson(answer(body, encoding), 100);
    await expect(read).rejects.toThrow(reason);
    await expect(read).rejects.not.toThrow('sk-secret');
  });
});

describe('credentials', () => {
  it('are read as they are', () => {
    const set = { version: '1', credentials: [{ id: 'a', value: 'x' }] };
    expect(readCredentials({ ...set, newer: true })).toEqual(set);
  });

  it.each([
    [null],
    [{ credentials: [] }],
    [{ version: '', credentials: [] }],
    [{ version: '1' }],
    [{ version: '1', credentials: [null] }],
    [{ version: '1', credentials: [{ id: 'a' }] }],
    [{ version: '1', credentials: [{ id: 'a', value: '' }] }],
    [{ version: '1', credentials: [{ id: 'a', value: 'x'.repeat(70_000) }] }],
    [{ version: '1', credentials: [{ id: 7, value: 'x' }] }],
  ])('like %j are refused whole', (value) => {
    expect(() => readCredentials(value)).toThrow(/credential/);
  });
});

describe('events', () => {
  it('name a hash or a version', () => {
    expect(readSnapshotEvent(JSON.stringify({ hash: 'a'.repeat(64) }))).toBe('a'.repeat(64));
    expect(readCredentialsEvent('{"version":"7"}')).toBe('7');
  });

  it.each(['', '{}', 'null', '[]', '{"hash":"../../etc"}', '{"hash":7}'])('like %j name none', (data) => {
    expect(() => readSnapshotEvent(data)).toThrow(/event/);
    expect(() => readCredentialsEvent(data)).toThrow(/event/);
  });
});

describe('answers to reports', () => {
  it('ask for the next one within bounds', () => {
    expect(readAnswer({ nextReportIn: 20_000, ledgerShard: 0, acknowledgedSeq: 5 })).toEqual({
      nextReportIn: 20_000,
      ledgerShard: 0,
      acknowledgedSeq: 5,
    });
    expect(readAnswer({ nextReportIn: 0 }).nextReportIn).toBe(1_000);
    expect(readAnswer({ nextReportIn: 1e12, acknowledgedSeq: 'x' })).toEqual({
      nextReportIn: 600_000,
      ledgerShard: 0,
      acknowledgedSeq: 0,
    });
    expect(() => readAnswer({})).toThrow('nextReportIn');
    expect(() => readAnswer(null)).toThrow('nextReportIn');
  });
});

describe('leaders', () => {
  it.each(['10.0.0.7:9443', 'outrider-0.outrider:9443', '[fd00::7]:9443'])('may be at %s', (address) => {
    expect(readLeader(address)).toBe(address);
  });

  it.each([
    [undefined],
    [['10.0.0.7:1', '10.0.0.8:1']],
    [''],
    ['10.0.0.7'],
    ['10.0.0.7:0'],
    ['10.0.0.7:65536'],
    ['http://10.0.0.7:80'],
    ['a:80/path'],
    ['a@b:80'],
    ['a b:80'],
    ['a#b:80'],
    ['-a:80'],
    ['[::1%eth0]:80'],
    [`${'a'.repeat(300)}:80`],
  ])('are not at %j', (address) => {
    expect(readLeader(address)).toBeUndefined();
  });
});

describe('leases in an answer', () => {
  const lease = {
    budget: 'route/shop/assistant/monthly',
    key: '',
    window: 1_700_000_000,
    endsInMs: 1000,
    granted: '5',
    ttlMs: 900_000,
    term: 3,
  };
  const read = (...leases: unknown[]) =>
    readAnswer({ nextReportIn: 1000, acknowledgedSeq: 0, leases }).leases;

  it('are taken as they are, and what is more than that is left out', () => {
    const full = { ...lease, as: '_other', scarce: true, exhaustedForMs: 250 };
    expect(read(lease, { ...full, other: 1 })).toEqual([lease, full]);
    expect(readAnswer({ nextReportIn: 1000 }).leases).toBeUndefined();
  });

  it.each([
    { granted: '-1' },
    { granted: 5 },
    { granted: '1'.repeat(25) },
    { term: -1 },
    { term: 1.5 },
    { window: 'now' },
    { ttlMs: 1e12 },
    { ttlMs: Number.NaN },
    { endsInMs: -1 },
    { exhaustedForMs: 'soon' },
    { budget: '' },
    { key: 'k'.repeat(641) },
    { as: 7 },
  ])('are not believed with %j, and the others stand', (wrong) => {
    expect(read({ ...lease, ...wrong }, lease)).toEqual([lease]);
  });

  it('are as many as may be asked for, and no more', () => {
    expect(read(...Array.from({ length: 600 }, () => lease))).toHaveLength(500);
  });
});
