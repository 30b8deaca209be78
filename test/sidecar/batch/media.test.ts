/** What every medium of batches promises: a directory, a small store of our own, and Redis itself where it is installed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { newId } from '../../../sidecar/batch/ids.ts';
import { openDirectory } from '../../../sidecar/batch/media/directory.ts';
import { type Medium, piecesOf, wholeOf } from '../../../sidecar/batch/media/medium.ts';
import { Slot } from '../../../sidecar/batch/media/slot.ts';
import { openStore } from '../../../sidecar/batch/media/store.ts';
import { Spool } from '../../../sidecar/batch/spool.ts';
import { systemClock } from '../../../sidecar/snapshot/clock.ts';
import { type RespServer, respServer } from '../cache/resp-server.ts';
import { VirtualClock } from '../dispatch/virtual-clock.ts';
import { temporary } from './support.ts';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** What opens it, again and again, with what was left there. */
type Place = () => Promise<Medium>;

const keep = (medium: Medium): Medium => {
  closers.push(() => medium.close());
  return medium;
};

async function directory(): Promise<Place> {
  const { path, remove } = await temporary();
  closers.push(remove);
  return async () => keep(await openDirectory(path));
}

const storeAt = (url: string, scope = 'shop/web', clock = systemClock): Promise<Medium> =>
  openStore({ url, scope, clock, warn: () => {}, onError: () => {} });

async function small(): Promise<RespServer> {
  const server = await respServer('secret');
  closers.push(() => server.close());
  return server;
}

async function ownStore(): Promise<Place> {
  const { url } = await small();
  return async () => keep(await storeAt(url));
}

const redis = ((): string | undefined => {
  for (const name of ['valkey-server', 'redis-server']) {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' });
      return name;
    } catch {
      // not here
    }
  }
  return undefined;
})();

async function realStore(): Promise<Place> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  const child: ChildProcess = spawn(
    redis ?? '',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: 'ignore' },
  );
  const over = new Promise((resolve) => child.once('exit', resolve));
  closers.push(() => {
    child.kill('SIGKILL');
    return over;
  });
  const url = `redis://127.0.0.1:${port}`;
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      await (await storeAt(url, 'nobody')).close();
      return async () => keep(await storeAt(url));
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const PLACES: [string, () => Promise<Place>][] = [
  ['a directory', directory],
  ['a store', ownStore],
  ...(redis === undefined ? [] : [[redis, realStore] as [string, () => Promise<Place>]]),
];

describe.each(PLACES)('%s', (_name, place) => {
  it('keeps what was replaced, and nothing of what was removed', async () => {
    const open = await place();
    const medium = await open();
    await medium.replace('a.json', 'one');
    await medium.replace('a.json', 'two');
    await medium.replace('b.json', Buffer.from([0, 255, 10]));
    await medium.replace('c.json', 'gone');
    await medium.remove('c.json');
    await medium.remove('never.json');
    await medium.close();
    const again = await open();
    const found = (await again.list()).sort((x, y) => x.name.localeCompare(y.name));
    expect(found).toEqual([
      { name: 'a.json', bytes: 3 },
      { name: 'b.json', bytes: 3 },
    ]);
    expect(String(await wholeOf(again, 'a.json'))).toBe('two');
    expect([...(await wholeOf(again, 'b.json'))]).toEqual([0, 255, 10]);
    expect(await again.size('c.json')).toBe(0);
    expect(await wholeOf(again, 'c.json')).toHaveLength(0);
  });

  it('grows contents from where it is told, and reads any part of them', async () => {
    const medium = await (await place())();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 6 }),
        fc.nat(40),
        fc.nat(40),
        async (pieces, cut, from) => {
          const content = await medium.grow('log.data', 0);
          for (const piece of pieces) await content.append(Buffer.from(piece));
          await content.sync();
          const all = Buffer.concat(pieces);
          expect(content.length).toBe(all.length);
          await content.close();
          expect(await wholeOf(medium, 'log.data')).toEqual(all);
          expect(await medium.read('log.data', from, 7)).toEqual(all.subarray(from, from + 7));
          const kept = all.subarray(0, Math.min(cut, all.length));
          const more = await medium.grow('log.data', kept.length);
          await more.append(Buffer.from('end'));
          await more.close();
          expect(await wholeOf(medium, 'log.data')).toEqual(Buffer.concat([kept, Buffer.from('end')]));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('gives long contents in pieces, up to where it is asked', async () => {
    const medium = await (await place())();
    const content = await medium.grow('long.data', 0);
    const block = Buffer.alloc(50_000, 'x');
    for (let i = 0; i < 5; i++) await content.append(block);
    await content.close();
    let length = 0;
    for await (const piece of piecesOf(medium, 'long.data', 200_001)) length += piece.length;
    expect(length).toBe(200_001);
  });

  it('says so where a content is shorter than it should be', async () => {
    const medium = await (await place())();
    await medium.replace('short.data', 'abc');
    const reading = async (name: string): Promise<void> => {
      for await (const piece of piecesOf(medium, name, 4)) expect(String(piece)).toBe('abc');
    };
    await expect(reading('short.data')).rejects.toThrow('3 bytes, not 4');
    await expect(reading('never.data')).rejects.toThrow('0 bytes, not 4');
  });

  it('keeps nothing of contents that stayed empty, once they are removed', async () => {
    const open = await place();
    const medium = await open();
    const spool = await Spool.open({ medium, maxBytes: 10, warn: () => {} });
    const id = newId('Batch');
    await (await medium.grow(spool.name(id, 'started'), 0)).close();
    await spool.removePart(id, 'started');
    expect(await (await open()).list()).toEqual([]);
    expect(await medium.list()).toEqual([]);
  });

  it('counts the bytes of a content that is begun, whatever becomes of it', async () => {
    const medium = await (await place())();
    const spool = await Spool.open({ medium, maxBytes: 10, warn: () => {} });
    const id = newId('Batch');
    const content = await spool.begin(id, 'results');
    await content.append(Buffer.from('1234567'));
    await expect(content.append(Buffer.from('89abcdef'))).rejects.toMatchObject({ code: 'spool_full' });
    await content.close();
    expect([spool.bytes, content.length]).toEqual([7, 7]);
    const again = await spool.begin(id, 'results');
    expect(spool.bytes).toBe(0);
    await again.close();
  });

  it('holds a spool that the next process goes on from', async () => {
    const open = await place();
    const medium = await open();
    const spool = await Spool.open({ medium, maxBytes: 1_000_000, warn: () => {} });
    const id = newId('File');
    const record = { id, filename: 'f', purpose: 'batch' as const, bytes: 3, createdAt: 1, expiresAt: 2 };
    const content = await medium.grow(spool.name(id), 0);
    await content.append(Buffer.from('abc'));
    await content.close();
    await spool.save('File', record);
    await medium.replace(`${newId('File')}.data`, 'belongs to nobody');
    await medium.close();
    const next = await Spool.open({ medium: await open(), maxBytes: 1_000_000, warn: () => {} });
    expect([...next.files.values()]).toEqual([record]);
    expect(next.bytes).toBe(3);
    await next.remove('File', id);
    expect(await next.medium.list()).toEqual([]);
  });
});

describe('a store', () => {
  it('gives each process a slot of its own, and the slot of one that is gone to the next', async () => {
    const { url, values } = await small();
    const first = keep(await storeAt(url));
    const second = keep(await storeAt(url));
    expect([first.label, second.label]).toEqual([
      'outrider:spool:1:shop/web:0',
      'outrider:spool:1:shop/web:1',
    ]);
    await first.replace('a.json', 'of the first');
    // Killed: its key runs out.
    values.delete(`${first.label}:owner`);
    const third = keep(await storeAt(url));
    expect(third.label).toBe(first.label);
    expect(String(await wholeOf(third, 'a.json'))).toBe('of the first');
    const other = keep(await storeAt(url, 'shop/other'));
    expect(await other.list()).toEqual([]);
  });

  it('is left alone by whom another process has followed', async () => {
    const { url, values } = await small();
    const clock = new VirtualClock();
    const medium = keep(await storeAt(url, 'shop/web', clock));
    let lost = 0;
    medium.onLost(() => lost++);
    await medium.replace('a.json', 'mine');
    values.set(`${medium.label}:owner`, Buffer.from('somebody else'));
    // Before it could be told, its own time is over.
    clock.advance(20_000);
    await expect(medium.replace('a.json', 'mine still')).rejects.toMatchObject({ code: 'spool_unusable' });
    await expect.poll(() => lost).toBe(1);
    expect(String(values.get(`${medium.label}:a.json`))).toBe('mine');
  });

  it('goes on where it was not heard of for a while and nobody has followed', async () => {
    const server = await small();
    const clock = new VirtualClock();
    const medium = keep(await storeAt(server.url, 'shop/web', clock));
    clock.advance(20_001);
    await expect
      .poll(() =>
        medium.size('a.json').then(
          () => 'held',
          () => 'not held',
        ),
      )
      .toBe('held');
  });

  it('says that it is full, keeps nothing of it, and takes more once it is not', async () => {
    const server = await small();
    const medium = keep(await storeAt(server.url));
    const content = await medium.grow('log.data', 0);
    await content.append(Buffer.from('one '));
    server.mood = 'Full';
    await expect(content.append(Buffer.from('two '))).rejects.toMatchObject({ code: 'spool_unusable' });
    server.mood = 'Well';
    await content.append(Buffer.from('three'));
    expect(String(await wholeOf(medium, 'log.data'))).toBe('one three');
  });

  it('that is full keeps no record, and gives bytes back', async () => {
    const server = await small();
    const medium = keep(await storeAt(server.url));
    const spool = await Spool.open({ medium, maxBytes: 10, warn: () => {} });
    const id = newId('File');
    const record = { id, filename: 'f', purpose: 'batch' as const, bytes: 3, createdAt: 1, expiresAt: 2 };
    const content = await spool.begin(id);
    server.mood = 'Full';
    await expect(content.append(Buffer.from('abc'))).rejects.toMatchObject({ code: 'spool_unusable' });
    await expect(spool.save('File', record)).rejects.toMatchObject({ code: 'spool_unusable' });
    expect([spool.files.size, spool.bytes]).toEqual([0, 0]);
    server.mood = 'Well';
    await spool.save('File', record);
    server.mood = 'Full';
    await expect(spool.save('File', { ...record, bytes: 4 })).rejects.toThrow(/spool/);
    expect(spool.files.size).toBe(1);
  });

  it('whose slot runs out just as it is renewed is left to whoever follows', async () => {
    const clock = new VirtualClock();
    let owner = 'mine';
    let asked = 0;
    // Behind the first question, whichever that is, the key has run out, and another process has it.
    const answered = <T>(value: T): Promise<T> => {
      if (++asked === 1) owner = 'somebody else';
      return Promise.resolve(value);
    };
    const slot = new Slot({
      clock,
      warn: () => {},
      key: 'owner',
      owner: 'mine',
      store: {
        claim: () => Promise.resolve(true),
        extend: () => answered(1),
        value: () => answered(owner),
        remove: () => Promise.resolve(1),
      },
    });
    let lost = 0;
    slot.onLost(() => lost++);
    expect(await slot.take()).toBe(true);
    clock.advance(8000);
    await expect.poll(() => lost).toBe(1);
    expect(slot.held).toBe(false);
  });

  it('that took a piece and did not say so has it once', async () => {
    const server = await small();
    const medium = keep(await storeAt(server.url));
    const content = await medium.grow('log.data', 0);
    await content.append(Buffer.from('one '));
    // As if the answer had been lost.
    server.values.set(`${medium.label}:log.data`, Buffer.from('one two and more '));
    server.mood = 'Full';
    await expect(content.append(Buffer.from('two and more '))).rejects.toThrow(/spool/);
    server.mood = 'Well';
    await content.append(Buffer.from('three'));
    expect(String(await wholeOf(medium, 'log.data'))).toBe('one three');
  });
});
