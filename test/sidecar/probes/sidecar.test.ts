/** Probes and queues through a whole sidecar, against servers on loopback. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { askUrl } from '../../../sidecar/probes/ask.ts';
import type { ProviderBody } from '../../../sidecar/snapshot/schema.ts';
import { until } from '../../operator/support/manual-clock.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { callJson } from '../support/http.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function server(listener: RequestListener): Promise<string> {
  const made: Server = createServer(listener);
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => made.close(resolve)).finally(() => {}));
  closing.push(() => Promise.resolve(made.closeAllConnections()));
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
}

const ANSWER = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

/** A model server of which only the side paths differ. */
async function models(side: RequestListener): Promise<string> {
  return server((req, res) => {
    if (req.method === 'GET') return side(req, res);
    req.resume();
    req.on('end', () => res.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER));
  });
}

async function sidecar(
  providers: Record<string, [string, Partial<ProviderBody>]>,
  targets: ReturnType<typeof target>[],
): Promise<TestSidecar> {
  const items = Object.entries(providers).map(([name, [url, body]]) => providerItem(name, `${url}/v1`, body));
  const started = await startTestSidecar([...items, routeItem('main', ['*'], [rule(targets)])], {
    random: () => 0,
  });
  closing.push(() => started.close());
  return started;
}

const ask = async ({ url }: TestSidecar): Promise<string | undefined> => {
  const { headers } = await callJson(`${url}/v1/chat/completions`, {
    model: 'm',
    messages: [{ role: 'user', content: 'hi' }],
  });
  return headers['x-outrider-provider'] as string | undefined;
};

const notFound: RequestListener = (_req, res) => res.writeHead(404).end();
const active = { intervalMs: 1_000, timeoutMs: 2_000, unhealthyAfter: 1, healthyAfter: 1 };

describe('a sidecar', () => {
  it('leaves out what a probe finds down before any request fails, and takes it back', async () => {
    let status = 503;
    const keys: (string | undefined)[] = [];
    const a = await models((req, res) => {
      keys.push(req.headers.authorization);
      res.writeHead(req.url === '/v1/models' ? status : 404).end();
    });
    const b = await models(notFound);
    const made = await sidecar({ a: [a, { active: { path: '/models', ...active } }], b: [b, {}] }, [
      target('a'),
      target('b', { priority: 1 }),
    ]);
    await until(
      () => made.warnings.some((warning) => warning.includes('it is down (status 503)')),
      'the probe',
    );
    expect(await ask(made)).toBe('shop/b');
    expect(made.ended[0]?.attempts).toHaveLength(1);
    expect(keys[0]).toMatch(/^Bearer ./);
    status = 200;
    await until(
      () => made.warnings.some((warning) => warning.includes('it is up (status 200)')),
      'the next probe',
    );
    expect(await ask(made)).toBe('shop/a');
  });

  it('asks a model for one token where the check names it, and counts what that costs', async () => {
    const a = await models(notFound);
    const made = await sidecar({ a: [a, { active: { model: 'm', ...active } }] }, [target('a')]);
    await until(() => made.rows.length > 0, 'the row of a probe');
    expect(made.rows[0]).toMatchObject({ purpose: 'HealthCheck', model: 'm' });
    await until(() => made.warnings.some((warning) => warning.includes('it is up')), 'what came of it');
  });

  it('spills over while the server says that requests wait, and not before or after', async () => {
    let waiting = 0;
    const local = await models((req, res) => {
      if (req.url !== '/metrics') return notFound(req, res);
      res.end(`vllm:num_requests_waiting{model_name="m"} ${waiting}.0\n`);
    });
    const cloud = await models(notFound);
    const made = await sidecar({ local: [local, { type: 'VLLM' }], cloud: [cloud, {}] }, [
      target('local', { spillover: { queueDepth: 4 } }),
      target('cloud', { priority: 1 }),
    ]);
    expect(await ask(made)).toBe('shop/local');
    waiting = 9;
    await until(async () => (await ask(made)) === 'shop/cloud', 'spilling');
    waiting = 0;
    await until(async () => (await ask(made)) === 'shop/local', 'the way back');
    expect(made.warnings).toEqual([]);
  });
});

describe('one question', () => {
  const url = async (listener: RequestListener) => new URL(await server(listener));
  const question = { headers: [], caBundle: undefined, timeoutMs: 200, maxBytes: 10 };
  const signal = new AbortController().signal;

  it('keeps no more of the answer than it may', async () => {
    const endless = await url((_req, res) => {
      res.on('error', () => {});
      for (let n = 0; n < 100; n++) res.write('x'.repeat(1000));
    });
    expect(await askUrl({ ...question, url: endless }, signal)).toEqual({
      ok: true,
      status: 200,
      body: 'x'.repeat(10),
    });
  });

  it('waits no longer than it may, and says what the matter is', async () => {
    expect(await askUrl({ ...question, url: await url(() => {}) }, signal)).toEqual({
      ok: false,
      why: 'Timeout',
    });
    const stalls = await url((_req, res) => void res.write('x'));
    expect(await askUrl({ ...question, url: stalls }, signal)).toEqual({ ok: false, why: 'Timeout' });
    expect(await askUrl({ ...question, url: new URL('http://127.0.0.1:1/') }, signal)).toEqual({
      ok: false,
      why: 'ECONNREFUSED',
    });
  });
});
