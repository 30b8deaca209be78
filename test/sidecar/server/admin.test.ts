import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { Listener } from '../../../sidecar/server/listener.ts';
import { PROCEED_AFTER_MS, readiness } from '../../../sidecar/server/readiness.ts';
import { createTelemetry } from '../../../sidecar/telemetry/create.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { call, callJson } from '../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';

let sidecar: TestSidecar | undefined;
let provider: ScriptedProvider | undefined;

afterEach(async () => {
  await sidecar?.close();
  await provider?.close();
  sidecar = undefined;
  provider = undefined;
});

const ask = { model: 'assistant', messages: [{ role: 'user', content: 'hi' }] };

async function start(options: Parameters<typeof startTestSidecar>[1] = {}): Promise<TestSidecar> {
  provider = await startScriptedProvider();
  const keyed = { headers: [{ name: 'x-team', value: 'sekret-header' }] };
  const patch = { set: [], default: [], remove: [], headers: [{ name: 'x-key', value: 'sekret-patch' }] };
  const prices = { input: 1_000_000, output: 2_000_000 };
  const models = [{ name: 'scripted-large', upstreamName: 'scripted-large', prices }];
  sidecar = await startTestSidecar(
    [
      providerItem('main', provider.url, { ...keyed, models }),
      routeItem('assistant', ['assistant'], [rule([target('main', { model: 'scripted-large', patch })])]),
    ],
    options,
  );
  return sidecar;
}

describe('the admin port', () => {
  it('answers probes', async () => {
    const { adminUrl } = await start();
    expect((await call(`${adminUrl}/healthz`)).text).toBe('ok\n');
    const ready = await call(`${adminUrl}/readyz`);
    expect([ready.status, ready.json()]).toEqual([200, { ready: true, state: 'ready' }]);
    expect((await call(`${adminUrl}/healthz`, { headers: { host: '10.1.2.3:4001' } })).status).toBe(200);
    expect((await call(`${adminUrl}/healthz`, { method: 'POST' })).status).toBe(405);
  });

  it('shows what runs, without a secret', async () => {
    const { adminUrl } = await start();
    const { text } = await call(`${adminUrl}/snapshot`);
    expect(JSON.parse(text)).toMatchObject({
      origin: 'Live',
      degraded: false,
      routes: [{ id: 'route/shop/assistant' }],
      providers: [{ id: 'provider/shop/main' }],
    });
    expect(text).not.toMatch(/sekret|sk-test/);
  });

  it('explains what would happen to a request', async () => {
    const { adminUrl } = await start();
    const answer = await callJson(`${adminUrl}/explain`, { ...ask, max_tokens: 100 });
    expect(answer.json()).toMatchObject({
      route: 'shop/assistant',
      rule: 'main',
      order: [{ target: 'main', model: 'scripted-large', cost: { most: expect.any(String) } }],
    });
    const refused = await callJson(`${adminUrl}/explain`, { ...ask, model: 'nope' });
    expect(refused.json()).toMatchObject({ refusal: { code: 'no_route', status: 404 } });
    const embeddings = await callJson(`${adminUrl}/explain?path=/v1/embeddings`, {
      model: 'assistant',
      input: 'a',
    });
    expect(embeddings.json()).toMatchObject({ request: { path: '/v1/embeddings' } });
    expect((await callJson(`${adminUrl}/explain`, '{"model":')).status).toBe(400);
    expect(sidecar?.memory.used).toBe(0);
  });

  it('tells what a recent request did and cost, and counts it', async () => {
    const { adminUrl, url } = await start({
      telemetry: (gauges) =>
        createTelemetry({ version: '0', gauges, env: {}, accessLog: false, warn: () => {} }),
    });
    const answer = await callJson(`${url}/v1/chat/completions`, { ...ask, stream: true });
    expect(answer.headers).not.toHaveProperty('x-outrider-cost-usd');
    const id = answer.headers['x-outrider-request-id'];
    await until(() => sidecar?.memory.used === 0);
    const summary = await call(`${adminUrl}/requests/${String(id)}`);
    expect(summary.json()).toMatchObject({ id, costUsd: expect.any(String), attempts: [{ target: 'main' }] });
    expect((await call(`${adminUrl}/requests/unknown`)).status).toBe(404);
    const metrics = await call(`${adminUrl}/metrics`);
    expect(metrics.headers['content-type']).toContain('text/plain');
    expect(metrics.text).toMatch(/^outrider_requests_total\{.*\} 1$/m);
  });

  it('keeps what runs from other machines and web pages', async () => {
    const { adminUrl } = await start();
    expect((await call(`${adminUrl}/snapshot`, { headers: { host: 'evil.example' } })).status).toBe(421);
    expect((await call(`${adminUrl}/metrics`, { headers: { origin: 'https://evil.example' } })).status).toBe(
      403,
    );
  });

  it.skipIf(outerAddress() === undefined)(
    'answers probes only where a peer is not this machine',
    async () => {
      const { adminPort } = await start({ admin: { host: '0.0.0.0', port: 0 } });
      const outer = `http://${String(outerAddress())}:${adminPort}`;
      expect((await call(`${outer}/readyz`)).status).toBe(200);
      expect((await call(`${outer}/metrics`)).status).toBe(200);
      for (const path of ['/snapshot', '/requests/x']) expect((await call(outer + path)).status).toBe(404);
      expect((await callJson(`${outer}/explain`, ask)).status).toBe(404);
    },
  );
});

describe('readiness', () => {
  const none = { origin: 'None', degraded: false } as const;

  it('waits for configuration, or gives up waiting', async () => {
    sidecar = await startTestSidecar(undefined);
    const waiting = await call(`${sidecar.adminUrl}/readyz`);
    expect([waiting.status, waiting.json()]).toEqual([503, { ready: false, state: 'waiting' }]);
    const refused = await callJson(`${sidecar.url}/v1/chat/completions`, ask);
    expect([refused.status, refused.json().error.code]).toEqual([503, 'config_unavailable']);
    expect(refused.headers['x-should-retry']).toBe('true');
    expect((await call(`${sidecar.url}/v1/models`)).status).toBe(503);
    sidecar.publish([providerItem('main', 'http://127.0.0.1:1/v1')]);
    expect((await call(`${sidecar.adminUrl}/readyz`)).status).toBe(200);
    expect(readiness(none, 'Wait', PROCEED_AFTER_MS + 1, false)).toEqual({ ready: false, state: 'waiting' });
    expect(readiness(none, 'Proceed', PROCEED_AFTER_MS - 1, false).ready).toBe(false);
    expect(readiness(none, 'Proceed', PROCEED_AFTER_MS, false)).toEqual({
      ready: true,
      state: 'unconfigured',
    });
  });

  it('says when it runs on what it remembers, and when it is going', () => {
    const remembered = { origin: 'LastKnownGood', degraded: true } as const;
    expect(readiness(remembered, 'Wait', 0, false)).toEqual({ ready: true, state: 'degraded' });
    expect(readiness(remembered, 'Wait', 0, true)).toEqual({ ready: false, state: 'draining' });
  });
});

describe('Listener', () => {
  it('says that its port is taken', async () => {
    const first = new Listener({ request: (_, res) => void res.end() });
    const port = await first.listen({ host: '127.0.0.1', port: 0 });
    const second = new Listener({ request: (_, res) => void res.end() });
    await expect(second.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await first.close();
  });
});

/** An address of this machine that is not loopback; undefined where there is none. */
function outerAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flat();
  return all.find((one) => one?.family === 'IPv4' && !one.internal)?.address;
}
