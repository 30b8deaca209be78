/** Vectors of examples as the operator keeps them: asked for once, tried again, and only of hosts that it may dial. */
import { afterEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import type { VectorsWanted } from '../../../operator/compile/example-vectors.ts';
import { outboundVectors } from '../../../operator/credentials/outbound.ts';
import { ExampleVectors, NotDialled } from '../../../operator/vectors/example-vectors.ts';
import { unpackVectors } from '../../../sidecar/snapshot/vectors.ts';
import { until } from '../../sidecar/support/sidecar.ts';

const wanted = (more: Partial<VectorsWanted> = {}): VectorsWanted => ({
  key: 'k1',
  url: 'https://api.openai.com/v1/embeddings',
  isDefault: true,
  headers: { authorization: 'Bearer sk' },
  body: { model: 'm' },
  texts: ['a', 'b'],
  ...more,
});

/** A clock whose timers fire when told. */
function held() {
  const timers: { ms: number; task: () => void }[] = [];
  const clock = {
    after: (ms: number, task: () => void) => {
      const timer = { ms, task };
      timers.push(timer);
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
    },
  };
  return { clock, timers };
}

type Ask = ConstructorParameters<typeof ExampleVectors>[0]['ask'];

function keeping(ask: Ask) {
  const { clock, timers } = held();
  const logged: string[] = [];
  let changes = 0;
  const log = { info: (_: object, text: string) => logged.push(text) } as never;
  const vectors = new ExampleVectors({ ask, clock, log, changed: () => changes++ });
  return { vectors, timers, logged, changes: () => changes };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('examples that routes need vectors of', () => {
  it('are asked for once, in batches, and packed', async () => {
    const asked: number[] = [];
    const texts = Array.from({ length: 70 }, (_, i) => `t${i}`);
    const { vectors, changes } = keeping((_, batch) => {
      asked.push(batch.length);
      return Promise.resolve(batch.map(() => [0, 1, -0.5]));
    });
    vectors.update([wanted({ texts })]);
    vectors.update([wanted({ texts })]);
    await until(() => changes() === 1);
    expect(asked).toEqual([64, 6]);
    const packed = vectors.known().get('k1');
    expect(unpackVectors(packed ?? { dimensions: 0, data: '' }, 70)?.components.subarray(0, 3)).toEqual(
      Int8Array.from([0, 127, -63]),
    );
  });

  it('are forgotten when no route needs them, also while they are asked for', async () => {
    let answer: (vectors: number[][]) => void = () => {};
    const { vectors, changes } = keeping(() => new Promise((resolve) => (answer = resolve)));
    vectors.update([wanted()]);
    vectors.update([]);
    answer([[1], [1]]);
    await settled();
    expect(changes()).toBe(0);
    expect(vectors.known().size).toBe(0);
  });

  it('are tried again, later and later, with one line in the log', async () => {
    let up = false;
    const { vectors, timers, logged, changes } = keeping((_, texts) =>
      up ? Promise.resolve(texts.map(() => [1, 2])) : Promise.reject(new Error('503')),
    );
    vectors.update([wanted()]);
    await until(() => timers.length === 1);
    expect(timers[0]?.ms).toBe(5000);
    timers.shift()?.task();
    await until(() => timers.length === 1);
    expect(timers[0]?.ms).toBe(10_000);
    up = true;
    timers.shift()?.task();
    await until(() => changes() === 1);
    expect(logged).toHaveLength(2);
  });

  it('are left to sidecars where the operator may not dial, and where they would fill snapshots', async () => {
    const refusing = keeping(() => Promise.reject(new NotDialled('no')));
    refusing.vectors.update([wanted()]);
    await settled();
    expect(refusing.timers).toEqual([]);
    const large = keeping((_, texts) =>
      Promise.resolve(texts.map(() => Array.from({ length: 500_000 }, () => 1))),
    );
    large.vectors.update([wanted()]);
    await until(() => large.logged.length === 1);
    expect([large.vectors.known().size, large.changes()]).toEqual([0, 0]);
  });
});

describe('the door', () => {
  const providers: ScriptedProvider[] = [];
  afterEach(async () => {
    for (const provider of providers.splice(0)) await provider.close();
  });

  it('leads to a host that whoever runs the operator listed, and shows it the key', async () => {
    const provider = await startScriptedProvider({ keys: ['sk'] });
    providers.push(provider);
    const ask = outboundVectors({ egressHosts: ['127.0.0.1'] });
    const at = wanted({ url: `${provider.url}/embeddings`, isDefault: false });
    const [a, b] = await ask(at, ['refund my order', 'refund an order']);
    expect([a?.length, b?.length]).toEqual([512, 512]);
    const body = JSON.parse(String(provider.requests[0]?.body)) as unknown;
    expect(body).toEqual({ model: 'm', input: ['refund my order', 'refund an order'] });
    await expect(ask({ ...at, headers: {} }, ['a'])).rejects.toThrow('the provider answered 401');
  });

  it.each([
    ['https://llm.internal/v1/embeddings', false],
    ['http://127.0.0.1:1/v1/embeddings', false],
    ['http://api.openai.com/v1/embeddings', true],
  ])('does not lead to %s', async (url, isDefault) => {
    let calls = 0;
    const ask = outboundVectors({}, () => Promise.resolve({ status: 200, body: String(calls++) }));
    await expect(ask(wanted({ url, isDefault }), ['a'])).rejects.toBeInstanceOf(NotDialled);
    expect(calls).toBe(0);
  });

  it('leads to the own host of a known vendor', async () => {
    const urls: string[] = [];
    const ask = outboundVectors({}, ({ url }) => {
      urls.push(url);
      return Promise.resolve({ status: 200, body: JSON.stringify({ data: [{ index: 0, embedding: [1] }] }) });
    });
    expect(await ask(wanted(), ['a'])).toEqual([[1]]);
    expect(urls).toEqual(['https://api.openai.com/v1/embeddings']);
  });
});
