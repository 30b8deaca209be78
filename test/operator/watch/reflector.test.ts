import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../crds/common.ts';
import { apiClient } from '../../../operator/watch/api-client.ts';
import { apiConfig } from '../../../operator/watch/api-config.ts';
import { silentLog } from '../../../operator/watch/log.ts';
import { Reflector, type ReflectorOptions } from '../../../operator/watch/reflector.ts';
import { ManualClock, until } from '../support/manual-clock.ts';
import { anObject, ScriptedApiServer } from '../support/scripted-api-server.ts';

const PATH = '/apis/outrider.dev/v1alpha1/llmroutes';

let server: ScriptedApiServer;
let clock: ManualClock;
let reflector: Reflector<KubeObject>;
let changes: string[];
let restarts: string[];
let relists: number;
/** Restarts whose wait is over. */
let waited: number;

function kubeConfig(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'test', server: server.url, skipTLSVerify: false },
    { name: 'test', token: 'secret-token' },
  );
  return config;
}

function make(options: Partial<ReflectorOptions<KubeObject>> = {}, load = kubeConfig): Reflector<KubeObject> {
  return new Reflector<KubeObject>({
    client: apiClient(apiConfig(load), clock),
    clock,
    random: () => 0.5,
    log: silentLog,
    observer: {
      restarted: (_, cause) => restarts.push(cause),
      relisted: () => {
        relists += 1;
      },
    },
    resource: 'llmroutes',
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMRoute',
    path: PATH,
    project: (object) => object,
    onChange: ({ key, before, after }) =>
      changes.push(`${before ? (after ? 'changed' : 'gone') : 'new'} ${key}`),
    ...options,
  });
}

/** The reflector waits for a retry; moves time to the end of that wait and not further. */
async function skipBackoff(): Promise<number> {
  await until(() => restarts.length > waited, 'the end of the stream');
  waited += 1;
  expect(clock.waits).toHaveLength(1);
  const wait = clock.waits[0] as number;
  clock.advance(wait);
  return wait;
}

/** Answers the first stream with these objects and leaves it open. */
async function initial(...objects: object[]) {
  const call = await server.next('the first watch');
  call.open();
  for (const object of objects) call.event('ADDED', object);
  call.bookmark('100', true);
  await reflector.synced;
  return call;
}

beforeEach(async () => {
  server = await new ScriptedApiServer().start();
  clock = new ManualClock();
  changes = [];
  restarts = [];
  relists = 0;
  waited = 0;
  reflector = make();
});

afterEach(async () => {
  await reflector.stop();
  await server.stop();
});

const names = () => [...reflector.values()].map((object) => object.metadata.name).sort();

describe('the beginning', () => {
  it('asks for initial events and bookmarks, and is synced only when the server says that all was sent', async () => {
    reflector.start();
    const call = await server.next();
    expect(Object.fromEntries(call.query)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      timeoutSeconds: '440',
    });
    expect(call.request.headers.authorization).toBe('Bearer secret-token');
    call.open().event('ADDED', anObject('a')).event('ADDED', anObject('b'));
    await until(() => reflector.lastEventAt !== undefined);
    expect(reflector.hasSynced).toBe(false);
    expect(changes).toEqual([]);
    call.bookmark('100', true);
    await reflector.synced;
    expect(changes).toEqual(['new shop/a', 'new shop/b']);
    call.event('MODIFIED', anObject('a')).event('DELETED', anObject('b')).event('ADDED', anObject('c'));
    await until(() => changes.length === 5);
    expect(changes.slice(2)).toEqual(['changed shop/a', 'gone shop/b', 'new shop/c']);
    expect(server.log).toHaveLength(1);
  });

  it('lists page by page where the server knows no initial events, and watches from the version of the list', async () => {
    reflector.start();
    (await server.next()).fail(422, 'Invalid', 'sendInitialEvents is forbidden');
    const first = await server.next();
    expect(first.isWatch).toBe(false);
    expect(first.query.get('limit')).toBe('500');
    first.list('50', [anObject('a')], 'page-2');
    const second = await server.next();
    expect(second.query.get('continue')).toBe('page-2');
    second.list('50', [anObject('b')]);
    await reflector.synced;
    expect(names()).toEqual(['a', 'b']);
    const watch = await server.next();
    expect(watch.query.get('resourceVersion')).toBe('50');
    expect(watch.query.has('sendInitialEvents')).toBe(false);
    watch.open().event('ADDED', anObject('c'));
    await until(() => names().length === 3);
    // It does not ask that server for initial events again.
    watch.event('ERROR', { code: 410, reason: 'Expired' });
    await skipBackoff();
    expect((await server.next()).isWatch).toBe(false);
  });

  it('gives list items the kind that the list leaves out', async () => {
    reflector.start();
    (await server.next()).fail(400, 'BadRequest');
    const { apiVersion: _, kind: __, ...bare } = anObject('a');
    (await server.next()).list('50', [bare]);
    await reflector.synced;
    expect(reflector.get('shop/a')).toMatchObject({
      kind: 'LLMRoute',
      apiVersion: 'outrider.dev/v1alpha1',
    });
  });

  it('falls back to a list where the server ignores the wish for initial events', async () => {
    reflector.start();
    (await server.next()).open().event('ADDED', anObject('a'));
    await until(() => reflector.lastEventAt !== undefined);
    clock.advance(30_000);
    await until(() => restarts.length === 1);
    expect(restarts).toEqual(['Idle']);
    const list = await server.next();
    expect(list.isWatch).toBe(false);
    list.list('50', [anObject('a')]);
    await reflector.synced;
  });

  it('starts over when a version expires between two pages', async () => {
    reflector.start();
    (await server.next()).fail(422, 'Invalid');
    (await server.next()).list('50', [anObject('a')], 'page-2');
    (await server.next()).fail(410, 'Expired', 'continue token is too old');
    await skipBackoff();
    const again = await server.next();
    expect(again.query.has('continue')).toBe(false);
    again.list('60', [anObject('a'), anObject('b')]);
    await reflector.synced;
    expect(names()).toEqual(['a', 'b']);
  });

  it('trims managedFields and carries selectors', async () => {
    reflector = make({ labelSelector: 'a=b', fieldSelector: 'metadata.name=x' });
    reflector.start();
    const object = anObject('a');
    const call = await initial({ ...object, metadata: { ...object.metadata, managedFields: [{}] } });
    expect(call.query.get('labelSelector')).toBe('a=b');
    expect(call.query.get('fieldSelector')).toBe('metadata.name=x');
    expect(reflector.get('shop/a')?.metadata).toEqual(object.metadata);
  });
});

describe('what may happen to a stream', () => {
  it('resumes after a reset from the last version it saw, events and bookmarks alike', async () => {
    reflector.start();
    const first = await initial(anObject('a'));
    first.bookmark('777');
    await until(() => clock.waits[0] === 180_000, 'the bookmark');
    first.reset();
    expect(await skipBackoff()).toBe(100); // half of 200 ms: the random source of this test
    const second = await server.next();
    expect(second.query.get('resourceVersion')).toBe('777');
    expect(second.query.has('sendInitialEvents')).toBe(false);
    const b = anObject('b');
    second.open().event('ADDED', b);
    await until(() => names().length === 2);
    second.reset();
    await skipBackoff();
    expect((await server.next()).query.get('resourceVersion')).toBe(b.metadata.resourceVersion);
    expect(restarts).toEqual(['Broken', 'Broken']);
    expect(relists).toBe(0);
  });

  it('resumes at once after the server ended a long stream in order', async () => {
    reflector.start();
    const first = await initial(anObject('a'));
    clock.advance(440_000);
    first.end();
    const second = await server.next();
    expect(second.query.get('resourceVersion')).toBe('100');
    expect(restarts).toEqual(['Closed']);
    second.open();
  });

  it.each([
    ['as an answer', async () => (await server.next()).fail(410, 'Expired')],
    [
      'as an event',
      async () =>
        (await server.next()).open().event('ERROR', { kind: 'Status', code: 410, reason: 'Expired' }),
    ],
  ])('reads everything again after 410 %s, and reports differences only', async (_, expire) => {
    reflector.start();
    const [same, changed, gone] = [anObject('same'), anObject('changed'), anObject('gone')];
    const first = await initial(same, changed, gone);
    changes.length = 0;
    first.reset();
    await skipBackoff();
    await expire();
    await skipBackoff();
    const again = await server.next();
    expect(again.query.get('sendInitialEvents')).toBe('true');
    expect(again.query.has('resourceVersion')).toBe(false);
    again.open().event('ADDED', same).event('ADDED', anObject('changed')).event('ADDED', anObject('new'));
    await until(() => again.response.writableLength === 0);
    expect(changes).toEqual([]); // nothing is believed gone while the list is incomplete
    again.bookmark('900', true);
    await until(() => changes.length === 3);
    expect(changes).toEqual(['gone shop/gone', 'changed shop/changed', 'new shop/new']);
    expect(restarts).toEqual(['Broken', 'Expired']);
    expect(relists).toBe(1);
  });

  it('waits longer after each failure, as the server asks, and forgets failures after a healthy stream', async () => {
    reflector.start();
    const waits: number[] = [];
    for (let i = 0; i < 9; i += 1) {
      (await server.next()).fail(503, 'ServiceUnavailable');
      waits.push(await skipBackoff());
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 2500, 2500, 2500, 2500]);
    (await server.next()).fail(429, 'TooManyRequests', 'slow down', { 'retry-after': '17' });
    expect(await skipBackoff()).toBe(17_000);
    const good = await initial(anObject('a'));
    clock.advance(10_000);
    good.reset();
    const next = await server.next('a retry without a wait');
    waited = restarts.length;
    next.reset();
    expect(await skipBackoff()).toBe(100);
    expect(restarts.slice(0, 2)).toEqual(['Http503', 'Http503']);
  });

  it('does not hammer a server that opens every stream and drops it at once', async () => {
    reflector.start();
    let last = await initial(anObject('a'));
    const waits: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      last.reset();
      waits.push(await skipBackoff());
      last = (await server.next()).open();
      await until(() => clock.waits.includes(470_000), 'the open stream');
    }
    expect(waits).toEqual([100, 200, 400, 800]);
  });

  it('survives a server that is away for a while', async () => {
    reflector.start();
    await initial(anObject('a'));
    await server.stop();
    await skipBackoff();
    await until(() => restarts.length === 2, 'a refused connection');
    expect(reflector.lastError).toContain('ECONNREFUSED');
    expect(names()).toEqual(['a']); // the copy stays
    await server.start();
    await skipBackoff();
    const again = await server.next();
    again.open().event('ADDED', anObject('b'));
    await until(() => names().length === 2);
    expect(reflector.lastError).toBeUndefined();
  });

  it('reads the token file again when the server refuses the token', async () => {
    const tokenFile = path.join(tmpdir(), `outrider-token-${process.pid}`);
    writeFileSync(tokenFile, 'old');
    const load = () => {
      const config = new KubeConfig();
      config.loadFromClusterAndUser(
        { name: 'inCluster', server: server.url, skipTLSVerify: false },
        { name: 'inClusterUser', authProvider: { name: 'tokenFile', config: { tokenFile } } },
      );
      return config;
    };
    reflector = make({}, load);
    reflector.start();
    const first = await initial(anObject('a'));
    expect(first.request.headers.authorization).toBe('Bearer old');
    writeFileSync(tokenFile, 'new');
    first.reset();
    await skipBackoff();
    const refused = await server.next();
    expect(refused.request.headers.authorization).toBe('Bearer old');
    refused.fail(401, 'Unauthorized');
    const retried = await server.next();
    expect(retried.request.headers.authorization).toBe('Bearer new');
    expect(retried.query.get('resourceVersion')).toBe('100');
    // A token that stays refused is a failure like any other.
    retried.fail(401, 'Unauthorized');
    await skipBackoff();
    expect(restarts).toEqual(['Broken', 'Http401']);
    rmSync(tokenFile);
  });

  it('gives up a stream that went silent for longer than the server would have kept it', async () => {
    reflector.start();
    const first = await initial(anObject('a'));
    clock.advance(469_999); // timeoutSeconds 440 and 30 s of grace
    expect(first.closed).toBe(false);
    clock.advance(1);
    const second = await server.next();
    await until(() => first.closed);
    expect(restarts).toEqual(['Idle']);
    // With bookmarks on the stream, silence speaks earlier.
    second.open().bookmark('200');
    await until(() => clock.waits[0] === 180_000);
    clock.advance(180_000);
    expect((await server.next()).query.get('resourceVersion')).toBe('200');
    expect(restarts).toEqual(['Idle', 'Idle']);
  });

  it('gives up a server that accepts the connection and never answers', async () => {
    reflector.start();
    await server.next();
    clock.advance(30_000);
    await until(() => restarts.length === 1);
    expect(reflector.lastError).toContain('no answer');
    (await server.next()).open().bookmark('100', true);
    await reflector.synced;
  });

  it.each([
    ['is no JSON', 'garbage\n'],
    ['is no event', '{"hello":"world"}\n'],
    ['has no version', '{"type":"ADDED","object":{"metadata":{"name":"x"}}}\n'],
    ['breaks off', '{"type":"ADDED","obj'],
  ])('asks again for a line that %s, so that no change is lost', async (_, line) => {
    reflector.start();
    const first = await initial(anObject('a'));
    const b = anObject('b');
    first.event('ADDED', b).raw(line);
    if (!line.endsWith('\n')) first.end();
    await skipBackoff();
    const second = await server.next();
    expect(second.query.get('resourceVersion')).toBe(b.metadata.resourceVersion);
    second.open().event('ADDED', anObject('c'));
    await until(() => names().length === 3);
  });

  it('reads everything again when the same line stays malformed', async () => {
    reflector.start();
    (await initial(anObject('a'))).raw('garbage\n');
    await skipBackoff();
    (await server.next()).open().raw('garbage\n');
    await skipBackoff();
    expect((await server.next()).query.get('sendInitialEvents')).toBe('true');
    expect(restarts).toEqual(['Malformed', 'Malformed']);
  });

  it('reads everything again when the server cannot continue from a version, as after a restored backup', async () => {
    reflector.start();
    (await initial(anObject('a'))).reset();
    await skipBackoff();
    for (let i = 0; i < 2; i += 1) {
      const call = await server.next();
      expect(call.query.get('resourceVersion')).toBe('100');
      call.fail(504, 'Timeout', 'Too large resource version: 100, current: 7');
      await skipBackoff();
    }
    expect((await server.next()).query.get('sendInitialEvents')).toBe('true');
  });

  it('stays with its version while the server is merely busy or refuses', async () => {
    reflector.start();
    (await initial(anObject('a'))).reset();
    await skipBackoff();
    for (const status of [503, 503, 429, 429, 403, 403]) {
      const call = await server.next();
      expect(call.query.get('resourceVersion')).toBe('100');
      call.fail(status, 'No');
      await skipBackoff();
    }
    expect((await server.next()).query.get('resourceVersion')).toBe('100');
  });

  it('joins events that arrive in pieces and splits ones that arrive together', async () => {
    reflector.start();
    const call = await initial();
    const [b, c] = [anObject('bäckerei'), anObject('c')];
    const bytes = Buffer.from(
      `${JSON.stringify({ type: 'ADDED', object: b })}\n${JSON.stringify({ type: 'ADDED', object: c })}\n`,
    );
    const cut = bytes.indexOf(0xc3) + 1; // inside a character
    call.response.write(bytes.subarray(0, cut));
    await new Promise((done) => setTimeout(done, 5));
    call.response.write(bytes.subarray(cut));
    await until(() => names().length === 2);
    expect(names()).toEqual(['bäckerei', 'c']);
  });

  it('survives an error event and a listener that throws', async () => {
    reflector = make({
      onChange: () => {
        throw new Error('listener');
      },
    });
    reflector.start();
    const first = await initial(anObject('a'));
    first.event('ERROR', { kind: 'Status', code: 500, message: 'etcd timed out' });
    await skipBackoff();
    const second = await server.next();
    expect(second.query.get('resourceVersion')).toBe('100');
    second.open().event('ADDED', anObject('b'));
    await until(() => names().length === 2);
    expect(restarts).toEqual(['Http500']);
  });

  it('stops in any phase and leaves nothing behind', async () => {
    reflector.start();
    const call = await initial(anObject('a'));
    await reflector.stop();
    await until(() => call.closed);
    expect(clock.waits).toEqual([]);
    reflector = make();
    reflector.start();
    (await server.next()).fail(503, 'ServiceUnavailable');
    await until(() => clock.waits.length === 1);
    await reflector.stop();
    expect(clock.waits).toEqual([]);
    expect(server.calls).toEqual([]);
  });
});
