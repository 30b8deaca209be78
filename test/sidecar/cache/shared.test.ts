/** A store that sidecars share: what one has asked, another one need not; and whatever the store does, requests do not feel it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ConnectionOptions, connect } from '../../../sidecar/cache/shared/connection.ts';
import { SharedAnswers } from '../../../sidecar/cache/shared/shared.ts';
import { systemClock } from '../../../sidecar/snapshot/clock.ts';
import { PATIENCE_MS } from '../../support/until.ts';
import { until } from '../support/sidecar.ts';
import { answer } from './answers.ts';
import { type RespServer, respServer } from './resp-server.ts';
import { cacheOf, type World, type WorldOptions, world } from './world.ts';

const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function store(password?: string): Promise<RespServer> {
  const server = await respServer(password);
  closers.push(() => server.close());
  return server;
}

async function sidecar(
  url: string,
  options: WorldOptions = {},
  pod = { namespace: 'shop', workload: 'web' },
): Promise<World> {
  const one = await world({ ...options, sidecar: { cache: { shared: { url } }, pod, ...options.sidecar } });
  closers.push(() => one.close());
  return one;
}

/** `port` of a real store on this machine; undefined: there is none. */
async function realStore(): Promise<string | undefined> {
  const binary = [
    '/usr/bin/valkey-server',
    '/usr/bin/redis-server',
    '/usr/local/bin/valkey-server',
    '/usr/local/bin/redis-server',
  ].find((path) => existsSync(path));
  if (binary === undefined) return undefined;
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--requirepass',
    'secret',
    '--maxmemory',
    '4mb',
  ];
  const child = spawn(binary, args, { stdio: 'ignore' });
  closers.push(() => {
    child.kill('SIGKILL');
  });
  return `redis://:secret@127.0.0.1:${port}`;
}

/** Until the sidecar asks the store. */
async function connected(server: RespServer, one: World): Promise<void> {
  const isAsked = () => server.commands.some(([name]) => /^get$/i.test(name ?? ''));
  for (let i = 0; i < 500 && !isAsked(); i++) {
    await one.ask(`warm ${i}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(isAsked()).toBe(true);
}

describe.each(['scripted', 'real'])('a shared store (%s)', (kind) => {
  it('lets one sidecar answer with what another one asked', async (context) => {
    const scripted = kind === 'scripted' ? await store('secret') : undefined;
    const url = scripted?.url ?? (await realStore());
    // Said aloud: on a machine without one, this half is not tested.
    if (url === undefined) return context.skip('no valkey-server or redis-server on this machine');
    const first = await sidecar(url);
    const second = await sidecar(url);
    let shared: string | undefined;
    let asked = 0;
    for (
      const deadline = performance.now() + PATIENCE_MS;
      shared !== 'hit' && performance.now() < deadline;
    ) {
      const question = `hello ${asked++}`;
      await first.ask(question);
      await new Promise((resolve) => setTimeout(resolve, 10));
      shared = cacheOf(await second.ask(question));
    }
    expect(shared).toBe('hit');
    const rows = second.sidecar.rows.filter((row) => row.kind === 'CacheHit');
    expect(rows).toHaveLength(1);
    expect(Number(rows[0]?.savedNanoUsd)).toBeGreaterThan(0);
  });

  it('keeps what it was told for its time, and gives it back as it was', async (context) => {
    const scripted = kind === 'scripted' ? await store() : undefined;
    const url = scripted?.url ?? (await realStore());
    if (url === undefined) return context.skip('no valkey-server or redis-server on this machine');
    const shared = client(url);
    await until(() => shared.ready());
    const kept = answer({ body: Buffer.from([0, 255, 13, 10, 42]), warnings: ['one'] });
    shared.answers.put('shop', 'key', kept);
    let found: unknown;
    for (
      const deadline = performance.now() + PATIENCE_MS;
      found === undefined && performance.now() < deadline;
    ) {
      found = await shared.answers.get('shop', 'key', () => {});
    }
    expect(found).toEqual(kept);
    expect(await shared.answers.get('other', 'key', () => {})).toBeUndefined();
    expect(await shared.answers.get('shop', 'other', () => {})).toBeUndefined();
  });

  it('says no more when it is full, and nothing comes of it', async (context) => {
    const scripted = kind === 'scripted' ? await store() : undefined;
    if (scripted) scripted.mood = 'Full';
    const url = scripted?.url ?? (await realStore());
    if (url === undefined) return context.skip('no valkey-server or redis-server on this machine');
    const shared = client(url);
    await until(() => shared.ready());
    const large = answer({ body: Buffer.alloc(900_000, 1) });
    for (let i = 0; i < 40 && shared.answers.stats.errors === 0; i++) {
      shared.answers.put('shop', `key ${i}`, large);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(shared.answers.stats.errors).toBeGreaterThan(0);
    expect(shared.warnings).toEqual([]);
    expect(await shared.answers.get('shop', 'none', () => {})).toBeUndefined();
  });
});

function client(url: string, more: Partial<ConnectionOptions> = {}) {
  const warnings: string[] = [];
  const connection = connect({ url, onError: () => {}, ...more });
  const answers = new SharedAnswers({
    connection,
    clock: systemClock,
    warn: (text) => warnings.push(text),
    timeoutMs: 50,
  });
  closers.push(() => answers.close());
  return { answers, warnings, ready: () => connection.ready };
}

describe('a store that misbehaves', () => {
  it.each(['Hung', 'Garbage', 'Damaged', 'Full', { slowMs: 200 }] as const)(
    'costs no request anything but a few milliseconds: %s',
    async (mood) => {
      const server = await store();
      const one = await sidecar(server.url);
      await connected(server, one);
      server.mood = mood;
      const answers = [];
      for (let i = 0; i < 30; i++) answers.push(await one.ask(`question ${i}`));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      expect(answers.map(cacheOf)).toEqual(answers.map(() => 'miss'));
      // What this sidecar keeps itself is there all the same.
      expect(cacheOf(await one.ask('question 29'))).toBe('hit');
    },
  );

  it('is left alone after a few silent answers, and asked in the background until it is back', async () => {
    const server = await store();
    const one = await sidecar(server.url);
    await connected(server, one);
    server.mood = 'Hung';
    for (let i = 0; i < 20; i++) await one.ask(`question ${i}`);
    const gets = server.commands.filter(([name]) => /^get$/i.test(name ?? '')).length;
    for (let i = 20; i < 40; i++) await one.ask(`question ${i}`);
    expect(server.commands.filter(([name]) => /^get$/i.test(name ?? ''))).toHaveLength(gets);
    expect(one.sidecar.warnings).toContain('the shared cache does not answer; it is left alone');
    server.mood = 'Well';
    await until(() => one.sidecar.warnings.includes('the shared cache answers again'));
  });

  it('is no matter at the start: sidecars begin without it', async () => {
    const one = await sidecar('redis://127.0.0.1:1');
    expect((await one.ask()).status).toBe(200);
    expect(cacheOf(await one.ask())).toBe('hit');
    await until(() => one.sidecar.warnings.length > 0);
    expect(one.sidecar.warnings.join()).toContain('ECONNREFUSED');
  });

  it('never shows its password', async () => {
    const server = await store('right');
    const one = await sidecar(server.url.replace('right', 'hunter2'));
    await one.ask();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(one.sidecar.warnings.join()).not.toContain('hunter2');
  });
});
