import { Agent, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { type Answer, call, callJson, read } from '../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';

let sidecar: TestSidecar;
let provider: ScriptedProvider;

afterEach(async () => {
  await sidecar.close();
  await provider.close();
});

async function start(drainMs: number): Promise<void> {
  provider = await startScriptedProvider();
  sidecar = await startTestSidecar(
    [
      providerItem('main', provider.url),
      routeItem('assistant', ['assistant'], [rule([target('main', { model: 'scripted-large' })])]),
    ],
    { limits: { drainMs } },
  );
}

const ask = (stream: boolean) => ({
  model: 'assistant',
  stream,
  messages: [{ role: 'user', content: 'hi' }],
});

/** Resolves when the head is there; `rest` when everything is. */
function begin(agent: Agent): Promise<{ rest: Promise<Answer> }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const req = request(`${sidecar.url}/v1/chat/completions`, { method: 'POST', headers, agent }, (res) =>
      resolve({ rest: read(res) }),
    );
    req.on('error', reject);
    req.end(JSON.stringify(ask(true)));
  });
}

describe('drain', () => {
  it('lets an open stream finish, refuses what comes, and closes', async () => {
    await start(10_000);
    provider.behaviour = { tokensPerSecond: 100, outputTokens: 40 };
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    // A second connection that is idle now and could be used again.
    const idle = new Agent({ keepAlive: true });
    await callJson(`${sidecar.url}/v1/chat/completions`, ask(false));
    await call(`${sidecar.url}/v1/models`, { agent: idle });
    const { rest } = await begin(kept);
    const drained = sidecar.drain();
    expect((await call(`${sidecar.adminUrl}/readyz`)).json()).toEqual({ ready: false, state: 'draining' });
    await expect(call(`${sidecar.url}/v1/models`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const answer = await rest;
    expect(answer.text).toContain('data: [DONE]');
    await drained;
    expect(sidecar.ended.at(-1)?.outcome).toMatchObject({ status: 200, cancelled: false, broken: false });
    await expect(call(`${sidecar.adminUrl}/healthz`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    kept.destroy();
    idle.destroy();
  });

  it('cuts what does not come to an end in time, and accounts for it', async () => {
    await start(30);
    provider.behaviour = { tokensPerSecond: 10, outputTokens: 10_000 };
    const { rest } = await begin(new Agent());
    const broken = rest.catch((error: Error) => error.message);
    await sidecar.drain();
    expect(await broken).toBe('aborted');
    expect(await provider.requests[0]?.closed).toBe(true);
    await until(() => sidecar.rows.length === 1);
    expect(sidecar.rows[0]).toMatchObject({ outcome: 'Cancelled', source: 'Estimated' });
    expect(sidecar.memory.used).toBe(0);
  });

  it('ends at once when asked to close while it drains', async () => {
    await start(60_000);
    provider.behaviour = { failure: { kind: 'HangBeforeHeaders' } };
    const asked = callJson(`${sidecar.url}/v1/chat/completions`, ask(false));
    const gone = asked.catch((error: Error) => error.message);
    await until(() => provider.requests.length === 1);
    const drained = sidecar.drain();
    await sidecar.close();
    await drained;
    expect(await gone).toBe('socket hang up');
  });
});
