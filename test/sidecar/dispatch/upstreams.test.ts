/** Connections and configuration: what a swap keeps, what it ends, and whom TLS trusts. */
import { describe, expect, it } from 'vitest';
import type { EffectiveSnapshot } from '../../../sidecar/snapshot/effective.ts';
import type { ProviderBody } from '../../../sidecar/snapshot/schema.ts';
import { testAuthority } from '../../operator/sync/support/certificates.ts';
import { chat, stream, until } from './client.ts';
import type { Front } from './front.ts';
import { front, provider } from './harness.ts';

function snapshot(f: Front, change: (body: ProviderBody) => ProviderBody | undefined): EffectiveSnapshot {
  const providers = new Map();
  for (const { providerId, provider: body } of f.candidates) {
    const changed = change(body);
    if (changed)
      providers.set(providerId, { id: providerId, generation: 2, body: changed, reason: undefined });
  }
  return { hash: 'h', routes: [], providers };
}

describe('a change of configuration', () => {
  it('keeps connections whose endpoint stays', async () => {
    const p = await provider();
    const f = await front({ targets: [{ url: p.url }] });
    await chat(f.port).answer;
    f.dispatcher.apply(snapshot(f, (body) => ({ ...body, streamUsage: 'Never' })));
    await chat(f.port).answer;
    expect(p.connections).toBe(1);
  });

  it('ends idle connections that nothing uses any more, and lets running streams finish', async () => {
    const p = await provider({ tokensPerSecond: 500, outputTokens: 50 });
    const f = await front({ targets: [{ url: p.url }] });
    await chat(f.port).answer;
    const running = stream(f.port);
    await running.head;
    f.dispatcher.apply(snapshot(f, () => undefined));
    const answer = await running.answer;
    expect(answer.text.endsWith('data: [DONE]\n\n')).toBe(true);
    await until(() => p.connections === 0, 'no connection is kept');
  });

  it('serves a request that was planned before it', async () => {
    const p = await provider();
    const f = await front({ targets: [{ url: p.url }] });
    f.dispatcher.apply(snapshot(f, () => undefined));
    expect((await chat(f.port).answer).status).toBe(200);
  });
});

describe('TLS', () => {
  it('trusts a bundle of its own besides the system roots, and nothing without it', async () => {
    const authority = await testAuthority();
    const p = await provider({}, { tls: await authority.issue('localhost', '127.0.0.1') });
    const f = await front({
      targets: [
        { url: p.url },
        { url: p.url.replace('127.0.0.1', 'localhost'), body: { caBundle: authority.ca } },
      ],
    });
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(200);
    expect(answer.headers['x-outrider-target']).toBe('t1');
    const { attempts } = await f.finished();
    expect(attempts[0]).toMatchObject({
      failure: 'Connect',
      scope: 'Endpoint',
      errorCode: expect.stringMatching(/CERT|VERIFY/) as string,
      noWork: true,
    });
    for (let i = 0; i < 3; i++) await stream(f.port).answer;
    expect(p.connections, 'and keeps the connection').toBe(1);
  });
});
