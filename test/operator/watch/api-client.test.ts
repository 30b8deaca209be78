import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../../../operator/watch/api-client.ts';
import { apiConfig, loadKubeConfig } from '../../../operator/watch/api-config.ts';
import { ApiError } from '../../../operator/watch/api-error.ts';
import { systemClock } from '../../../sidecar/snapshot/clock.ts';
import { ManualClock, until } from '../support/manual-clock.ts';
import { ScriptedApiServer } from '../support/scripted-api-server.ts';

let server: ScriptedApiServer;
let client: ApiClient;
const tokenFile = path.join(tmpdir(), `outrider-client-token-${process.pid}`);

function load(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'c', server: server.url, skipTLSVerify: false },
    { name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile } } },
  );
  return config;
}

beforeEach(async () => {
  server = await new ScriptedApiServer().start();
  writeFileSync(tokenFile, 'one');
  client = apiClient(apiConfig(load), systemClock);
});

afterEach(async () => {
  client.close();
  await server.stop();
  rmSync(tokenFile, { force: true });
});

const token = (call: { request: { headers: { authorization?: string } } }) =>
  call.request.headers.authorization;

describe('apiClient', () => {
  it('keeps connections for the next request', async () => {
    const ports = new Set<number | undefined>();
    for (let i = 0; i < 5; i += 1) {
      const answer = client.json({ method: 'PATCH', path: '/x', body: { i } });
      const call = await server.next();
      ports.add(call.request.socket.remotePort);
      expect(call.body).toBe(`{"i":${i}}`);
      call.json(200, { ok: i });
      expect(await answer).toEqual({ ok: i });
    }
    expect(ports.size).toBe(1);
  });

  it('accepts what API servers offer their public keys as, and as nothing else', async () => {
    const answer = client.json({ path: '/openid/v1/jwks' });
    const call = await server.next();
    const accepted = (call.request.headers.accept ?? '').split(', ');
    expect(accepted).toEqual(['application/json', 'application/jwk-set+json']);
    call.json(200, { keys: [] });
    expect(await answer).toEqual({ keys: [] });
  });

  it('sends again what met a connection that the server was just closing', async () => {
    const first = client.json({ path: '/x' });
    (await server.next()).json(200, {});
    await first;
    const second = client.json({ path: '/y' });
    (await server.next()).reset();
    const again = await server.next();
    expect(again.url.pathname).toBe('/y');
    again.json(200, { ok: true });
    expect(await second).toEqual({ ok: true });
  });

  it('fails with a connection that dies on its first request', async () => {
    const answer = client.json({ path: '/x' });
    (await server.next()).reset();
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(server.log).toHaveLength(1);
  });

  it('loads its identity anew after a 401, whichever of its requests was refused', async () => {
    const watch = client.stream({ path: '/watch' });
    (await server.next()).open();
    await watch;
    const earlier = client.json({ path: '/earlier' });
    const refused = await server.next();
    const later = client.json({ path: '/later' });
    (await server.next()).json(200, {});
    await later;
    writeFileSync(tokenFile, 'two');
    expect(token(refused)).toBe('Bearer one');
    refused.fail(401, 'Unauthorized');
    const retried = await server.next();
    expect(token(retried)).toBe('Bearer two');
    retried.json(200, { ok: true });
    expect(await earlier).toEqual({ ok: true });
    (await watch).destroy();
  });

  it('says what the server said', async () => {
    const refused = client.json({ path: '/x' });
    (await server.next()).fail(403, 'Forbidden', 'no right to list', { 'retry-after': '3' });
    await expect(refused).rejects.toMatchObject({
      status: 403,
      reason: 'Forbidden',
      message: 'no right to list',
      retryAfterMs: 3000,
    });
    const odd = client.json({ path: '/x' });
    const call = await server.next();
    call.response.writeHead(502);
    call.response.end('<html>bad gateway</html>');
    await expect(odd).rejects.toThrow(new ApiError(502, '', ''));
  });

  it('gives up an answer that does not begin, and one that does not end', async () => {
    const clock = new ManualClock();
    const impatient = apiClient(apiConfig(load), clock);
    const silent = impatient.json({ path: '/x' });
    const call = await server.next();
    clock.advance(30_000);
    await expect(silent).rejects.toThrow('no answer from the API server within 30 s');
    expect(call.response.headersSent).toBe(false);
    const slow = impatient.json({ path: '/x' });
    (await server.next()).open().raw('{');
    await until(() => clock.waits.length === 1);
    await new Promise((done) => setTimeout(done, 5));
    clock.advance(30_000);
    await expect(slow).rejects.toThrow('did not end');
    impatient.close();
  });

  it('ends at once when it is told to', async () => {
    const abort = new AbortController();
    const pending = client.json({ path: '/x', signal: abort.signal });
    await server.next();
    abort.abort();
    await expect(pending).rejects.toThrow('aborted');
  });
});

describe('apiConfig', () => {
  it('sends no token over plain HTTP to another machine', async () => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: 'c', server: 'http://10.0.0.1:8080', skipTLSVerify: false },
      { name: 'u', token: 't' },
    );
    await expect(apiConfig(() => config).access()).rejects.toThrow('HTTP protocol is not allowed');
  });

  it('names a kubeconfig without a cluster', () => {
    const file = path.join(tmpdir(), `outrider-kubeconfig-${process.pid}`);
    writeFileSync(file, 'apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n');
    expect(() => loadKubeConfig(file)).toThrow(`the kubeconfig ${file} has no current cluster`);
    rmSync(file);
  });
});
