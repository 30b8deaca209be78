import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LastKnownGood, onTmpfs } from '../../../sidecar/snapshot/last-known-good.ts';
import { ManualClock } from '../../operator/support/manual-clock.ts';
import { keys, routeItem, snapshotOf } from '../../operator/sync/support/snapshots.ts';

const remembered = { snapshot: snapshotOf(routeItem('a', 2)), kept: [routeItem('a', 1)] };
const credentials = keys({ 'shop/openai/main': 'sk-secret' });

let directory: string;
let file: string;
let clock: ManualClock;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'outrider-lkg-'));
  file = path.join(directory, 'last-known-good.json');
  clock = new ManualClock();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function store(memory = true): LastKnownGood {
  return new LastKnownGood({ directory, clock, inMemory: () => Promise.resolve(memory) });
}

async function reasonNow(): Promise<string | undefined> {
  const result = await store().load();
  return result.ok ? 'loaded' : result.reason;
}

describe('last known good', () => {
  it('comes back as it was written, with its age', async () => {
    await store().save(remembered, credentials);
    clock.advance(5_000);
    expect(await store().load()).toEqual({ ok: true, loaded: { remembered, credentials, ageMs: 5_000 } });
  });

  it('is for its owner alone and leaves nothing else behind', async () => {
    await store().save(remembered, credentials);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['last-known-good.json']);
  });

  it('has no keys in it where the directory is a disk', async () => {
    await store(false).save(remembered, credentials);
    expect(readFileSync(file, 'utf8')).not.toContain('sk-secret');
    expect(await store(false).load()).toMatchObject({
      ok: true,
      loaded: { remembered, credentials: undefined },
    });
  });

  it('believes no keys that it finds on a disk', async () => {
    await store(true).save(remembered, credentials);
    expect(await store(false).load()).toMatchObject({ ok: true, loaded: { credentials: undefined } });
  });

  it('is replaced as a whole, and only the latest of many is written', async () => {
    const target = store();
    const saves = Array.from({ length: 50 }, (_, n) =>
      target.save({ snapshot: snapshotOf(routeItem('a', n)), kept: [] }, credentials),
    );
    await Promise.all(saves);
    const result = await store().load();
    expect(result).toMatchObject({
      ok: true,
      loaded: { remembered: { snapshot: { items: [{ generation: 49 }] } } },
    });
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('survives what a process left that died while it wrote', async () => {
    await store().save(remembered, credentials);
    writeFileSync(`${file}.tmp`, '{"format":1,"snap');
    expect(await reasonNow()).toBe('loaded');
    await store().save(remembered, credentials);
    expect(readdirSync(directory)).toEqual(['last-known-good.json']);
  });

  it('that is not there is no problem', async () => {
    expect(await store().load()).toEqual({ ok: false, reason: undefined });
  });

  it.each([
    ['empty', ''],
    ['cut off', '{"format":1,"savedAt":1,"snapshot":{"version"'],
    ['of another format', JSON.stringify({ format: 2, savedAt: 1, snapshot: {}, kept: [] })],
    ['without a time', JSON.stringify({ format: 1, snapshot: {}, kept: [] })],
    ['without a snapshot', JSON.stringify({ format: 1, savedAt: 1, kept: [] })],
    [
      'with strange keys',
      JSON.stringify({
        format: 1,
        savedAt: 1,
        ...remembered,
        credentials: { version: '1', credentials: [{}] },
      }),
    ],
    ['null', 'null'],
  ])('that is %s is ignored', async (_, text) => {
    writeFileSync(file, text, { mode: 0o600 });
    expect(await reasonNow()).toBe('its content is not what this version writes');
  });

  it('that others could have written is ignored', async () => {
    await store().save(remembered, credentials);
    chmodSync(file, 0o620);
    expect(await reasonNow()).toBe('others may read or write it');
  });

  it('is not looked for behind a link, in a directory, or in a huge file', async () => {
    const elsewhere = path.join(directory, 'elsewhere');
    writeFileSync(elsewhere, '{}', { mode: 0o600 });
    symlinkSync(elsewhere, file);
    expect(await reasonNow()).toBe('ELOOP');
    rmSync(file);
    mkdirSync(file);
    expect(await reasonNow()).toBe('it is no regular file');
    rmSync(file, { recursive: true });
    writeFileSync(file, '', { mode: 0o600 });
    truncateSync(file, 65 * 1_048_576);
    expect(await reasonNow()).toContain('longer than');
  });

  it('that cannot be written says so, and the next can', async () => {
    const target = new LastKnownGood({
      directory: path.join(directory, 'gone'),
      clock,
      inMemory: () => Promise.resolve(true),
    });
    await expect(target.save(remembered, credentials)).rejects.toThrow('ENOENT');
    mkdirSync(path.join(directory, 'gone'));
    await target.save(remembered, credentials);
    expect((await target.load()).ok).toBe(true);
  });
});

describe.runIf(process.platform === 'linux')('memory', () => {
  it('is told from disk by the kernel', async () => {
    const mounts = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, point, type]) => point !== undefined && type !== undefined);
    const tmpfs = mounts.find(([, , type]) => type === 'tmpfs')?.[1];
    const proc = mounts.find(([, , type]) => type === 'proc')?.[1];
    expect(await onTmpfs(proc ?? '')).toBe(false);
    expect(tmpfs === undefined || (await onTmpfs(tmpfs))).toBe(true);
  });
});
