import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../../sidecar/exchange.ts';
import type { Finished } from '../../../sidecar/telemetry/finished.ts';
import { KnownNames } from '../../../sidecar/telemetry/known-names.ts';
import { plainAttempt } from '../../../sidecar/telemetry/plain.ts';
import { SpanEncoder } from '../../../sidecar/telemetry/spans.ts';
import { attempt, type ExchangeParts, plan, rule, settled } from './exchanges.ts';
import { readSpan } from './otlp-receiver.ts';
import { finished, first, made, requests, WORLD } from './plain-requests.ts';
import { readMessage } from './read-protobuf.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = { traceId: TRACE, spanId: 'b7ad6b7169203331', sampled: true, state: 'vendor=x' };

/** Ids count up, so that two encoders agree about them. */
function encoder() {
  let drawn = 0;
  const made = new SpanEncoder((to) => to.fill(++drawn % 256));
  const names = new KnownNames(WORLD.snapshot);
  return (end: Finished, plain: Attempt | undefined, parent = PARENT as typeof PARENT | undefined) => {
    const { bytes, count } = made.encode(end, plain, names, TRACE, parent);
    const spans = readMessage(bytes).messages(2);
    expect(spans).toHaveLength(count);
    return spans;
  };
}

/** The only attempt, as it is in other requests but for this. */
const only = (more: Partial<Attempt>): ExchangeParts => ({
  attempts: [attempt(more.candidate ?? first, 0.2, 80, more)],
});

const factsOf = (spans: ReturnType<typeof readMessage>[]) =>
  spans.map(readSpan).map(({ name, attributes }) => ({ name, attributes }));

describe('spans of plain requests', () => {
  it('say what spans of any request say, whatever the request before was', () => {
    let plainOnes = 0;
    fc.assert(
      fc.property(fc.array(requests, { minLength: 1, maxLength: 12 }), fc.boolean(), (list, joins) => {
        const kept = encoder();
        const anew = encoder();
        for (const one of list) {
          const end = made(one);
          const plain = plainAttempt(end);
          if (plain) plainOnes++;
          const parent = joins ? PARENT : undefined;
          expect(kept(end, plain, parent).map(readSpan)).toEqual(anew(end, undefined, parent).map(readSpan));
        }
      }),
      { numRuns: 400 },
    );
    expect(plainOnes).toBeGreaterThan(300);
  });

  it.each<[string, ExchangeParts]>([
    ['rule', { plan: plan(rule('other', WORLD.rule.targets), [first]) }],
    ['route', { route: 'demo/other' }],
    ['operation', { operation: 'embeddings' }],
    ['method', { method: 'PUT' }],
    ['path', { path: '/v1/other' }],
    ['status', { outcome: { status: 201 } }],
    ['asked model', { asked: 'gpt-5' }],
    ['stream', { facts: { stream: true } }],
    ['choices', { facts: { choices: 2 } }],
    ['schema', { facts: { jsonSchema: true } }],
    ['model', only({ candidate: { ...first, upstreamModel: 'gpt-5-nano' }, responseModel: 'gpt-5-mini' })],
    ['credential', only({ candidate: { ...first, credential: undefined } })],
    ['kind', only({ kind: 'Probe' })],
    ['status of the vendor', only({ httpStatus: 201 })],
    ['tier', only({ serviceTier: 'Flex' })],
    ['source', only({ settlement: settled({ input: 100, output: 20 }, 900_000n, 'Estimated') })],
    ['answering model', only({ responseModel: 'gpt-5-mini-2026-01-01' })],
    ['reason', only({ finishReasons: ['length'] })],
    ['reasons', only({ finishReasons: ['stop', 'stop'] })],
  ])('follow a %s that changes', (_, parts) => {
    const kept = encoder();
    const anew = encoder();
    for (const end of [finished({}), finished(parts), finished(parts)]) {
      const plain = plainAttempt(end);
      expect(plain).toBeDefined();
      expect(kept(end, plain).map(readSpan)).toEqual(anew(end, undefined).map(readSpan));
    }
    expect(factsOf(kept(finished(parts), undefined))).not.toEqual(factsOf(anew(finished({}), undefined)));
  });

  it('are written anew by the names of a new configuration', () => {
    const made = new SpanEncoder((to) => to.fill(1));
    const end = finished({});
    const providers = [WORLD.snapshot, undefined].map((snapshot) => {
      const { bytes } = made.encode(end, plainAttempt(end), new KnownNames(snapshot), TRACE, undefined);
      return readMessage(bytes)
        .messages(2)
        .map(readSpan)
        .map(({ attributes }) => attributes['outrider.provider']);
    });
    expect(providers).toEqual([
      [undefined, 'demo/main', 'demo/main'],
      [undefined, '_OTHER', '_OTHER'],
    ]);
  });
});

it('times are whole nanoseconds since the epoch', () => {
  const encode = encoder();
  fc.assert(
    fc.property(fc.double({ min: 0, max: 2 ** 41, noNaN: true }), (laterMs) => {
      const end = finished({ laterMs });
      const wall = end.exchange.startedWall - end.exchange.startedAt + end.exchange.startedAt;
      const whole = Math.floor(wall);
      const exact = BigInt(whole) * 1_000_000n + BigInt(Math.round((wall - whole) * 1e6));
      expect(encode(end, plainAttempt(end))[0]?.fixed64(7)).toBe(exact);
    }),
    { numRuns: 300 },
  );
});
