import { readdir } from 'node:fs/promises';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { PATIENCE_MS } from '../../support/until.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';
import { temporary } from './support.ts';

const ASYNC = { expiresAfterMs: 60_000 };
const WEBHOOK = { hosts: ['hooks.example.com'], secret: 'route/shop/told/main/webhook' };

let provider: ScriptedProvider;
let sidecar: TestSidecar;
let spool: Awaited<ReturnType<typeof temporary>>;

beforeAll(async () => {
  spool = await temporary();
  provider = await startScriptedProvider({ keys: ['sk-test'] });
  const to = target('main', { model: 'scripted-large' });
  sidecar = await startTestSidecar(
    [
      providerItem('main', provider.url),
      routeItem('assistant', ['assistant'], [rule([to], { async: ASYNC })]),
      routeItem('told', ['told'], [rule([to], { async: { ...ASYNC, webhook: WEBHOOK } })]),
      routeItem('plain', ['plain'], [rule([to])]),
    ],
    { spool: { directory: spool.path } },
  );
});

afterAll(async () => {
  await sidecar.close();
  await provider.close();
  await spool.remove();
});

const ask = (model: string, headers: Record<string, string>, more: object = {}): Promise<Response> =>
  fetch(`${sidecar.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer mine', ...headers },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Say something.' }], ...more }),
  });

interface Deferred {
  id: string;
  object: string;
  status: string;
  response?: { status_code: number; body: Record<string, unknown> };
}

async function answered(id: string): Promise<Deferred> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const state = (await (await fetch(`${sidecar.url}/v1/async/${id}`)).json()) as Deferred;
    if (state.status !== 'queued' && state.status !== 'in_progress') return state;
    if (performance.now() > deadline) throw new Error(`it is ${state.status}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('a request whose answer may wait', () => {
  it.each<Record<string, string>>([
    { prefer: 'respond-async' },
    { prefer: 'wait=5, respond-async' },
    { 'x-outrider-async': 'true' },
  ])('is answered with 202 and an id: %o', async (headers) => {
    sidecar.rows.length = 0;
    const taken = await ask('assistant', headers);
    expect(taken.status).toBe(202);
    const { id, status, object } = (await taken.json()) as Deferred;
    expect(object).toBe('async');
    expect(['queued', 'in_progress']).toContain(status);
    expect(taken.headers.get('location')).toBe(`/v1/async/${id}`);
    expect(taken.headers.get('preference-applied')).toBe('respond-async');
    const done = await answered(id);
    expect(done).toMatchObject({
      status: 'completed',
      response: { status_code: 200, body: { object: 'chat.completion' } },
    });
    expect(sidecar.rows[0]).toMatchObject({ purpose: 'Async', parent: id, source: 'Provider' });
  });

  it('speaks the dialect of its caller, and keeps no key of it', async () => {
    const client = new Anthropic({ baseURL: sidecar.url, apiKey: 'my own key', maxRetries: 0 });
    const { response } = await client.messages
      .create(
        { model: 'assistant', max_tokens: 20, messages: [{ role: 'user', content: 'Say it.' }] },
        { headers: { prefer: 'respond-async' } },
      )
      .withResponse();
    expect(response.status).toBe(202);
    const id = response.headers.get('location')?.split('/').at(-1) ?? '';
    expect(await answered(id)).toMatchObject({ response: { body: { type: 'message', role: 'assistant' } } });
    for (const name of await readdir(spool.path)) expect(name).toMatch(/^(async_or|file-or|batch_or)/);
    const kept = sidecar.ended.map((one) => JSON.stringify(one)).join('');
    expect(kept).not.toContain('my own key');
  });

  it('is answered at once where its rule has no async, or it does not ask', async () => {
    expect((await ask('plain', { prefer: 'respond-async' })).status).toBe(200);
    expect((await ask('assistant', {})).status).toBe(200);
  });

  it('is told at once what is wrong with it', async () => {
    const unknown = await ask('nobody', { prefer: 'respond-async' });
    expect(unknown.status).toBe(404);
    const stream = await ask('assistant', { prefer: 'respond-async' }, { stream: true });
    expect(await stream.text()).toContain('stream is true');
  });

  it('keeps an error of the provider as its answer', async () => {
    provider.behaviour = { failure: { kind: 'Status', status: 400, message: 'no' } };
    const { id } = (await (await ask('assistant', { prefer: 'respond-async' })).json()) as Deferred;
    const done = await answered(id);
    provider.behaviour = {};
    expect(done).toMatchObject({ status: 'failed', response: { status_code: 400 } });
  });

  it('can be removed', async () => {
    const { id } = (await (await ask('assistant', { prefer: 'respond-async' })).json()) as Deferred;
    const removed = await fetch(`${sidecar.url}/v1/async/${id}`, { method: 'DELETE' });
    expect(await removed.json()).toEqual({ id, object: 'async', deleted: true });
    expect((await fetch(`${sidecar.url}/v1/async/${id}`)).status).toBe(404);
    expect((await readdir(spool.path)).some((name) => name.startsWith(id))).toBe(false);
  });

  it.each([
    ['http://hooks.example.com/x', 'no https URL'],
    ['https://elsewhere.example.com/x', 'not listed'],
    ['https://user:secret@hooks.example.com/x', 'credentials'],
    ['nonsense', 'no URL'],
  ])('is refused with the webhook %s', async (url, why) => {
    const refused = await ask('told', { prefer: 'respond-async', 'x-outrider-webhook': url });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain(why);
  });

  it('is refused with a webhook where the rule has none', async () => {
    const url = 'https://hooks.example.com/x';
    const refused = await ask('assistant', { prefer: 'respond-async', 'x-outrider-webhook': url });
    expect(await refused.text()).toContain('async.webhook');
  });
});

describe('without a spool', () => {
  it('is refused, and told of the flag', async () => {
    const bare = await startTestSidecar([
      providerItem('main', provider.url),
      routeItem('assistant', ['assistant'], [rule([target('main')], { async: ASYNC })]),
    ]);
    const refused = await fetch(`${bare.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'respond-async' },
      body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: 'x' }] }),
    });
    expect(refused.status).toBe(503);
    expect(await refused.text()).toContain('--spool-dir');
    await bare.close();
  });
});
