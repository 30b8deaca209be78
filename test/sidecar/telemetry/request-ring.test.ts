import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestRing } from '../../../sidecar/telemetry/request-ring.ts';
import { attempt, exchange, NOTHING, settled, world } from './exchanges.ts';
import { make } from './support.ts';

const line = (id: string, text: string) => JSON.stringify({ id, path: text, attempts: [] });
const detail = JSON.stringify({ attempts: [], steps: [], considered: [], warningTexts: [] });

describe('the ring of recent requests', () => {
  it('tells the newest of a bounded number, whatever was put in before', () => {
    const limits = { requests: 8, bytes: 1500 };
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 400 }), { maxLength: 60 }), (texts) => {
        const ring = new RequestRing(limits);
        const model: { id: string; text: string; bytes: number }[] = [];
        for (const [i, text] of texts.entries()) {
          const id = `r${i}`;
          ring.add(id, line(id, text), detail);
          const bytes = Buffer.byteLength(line(id, text) + detail);
          if (bytes <= limits.bytes) model.push({ id, text, bytes });
        }
        // Whatever is held is the tail of what came, and reads back as it was.
        const kept = model.slice(model.length - ring.size);
        for (const { id, text } of kept) expect(ring.get(id)?.path).toBe(text);
        for (const { id } of model.slice(0, model.length - ring.size)) expect(ring.get(id)).toBeUndefined();
        expect(ring.size).toBeLessThanOrEqual(limits.requests);
        const sizes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
        expect(sizes).toBeLessThanOrEqual(limits.bytes);
        // Nothing is dropped without need: what is free is the gap at the end and the rest of the last one dropped.
        const largest = Math.max(0, ...model.map(({ bytes }) => bytes));
        const full = kept.length === Math.min(model.length, limits.requests);
        expect(full || sizes > limits.bytes - 3 * largest).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('shows attempts, reasons, usage, cost and times; no prompt, key or vendor text', async () => {
    const of = world();
    const { first, second } = of.candidates;
    if (!first || !second) throw new Error('no candidates');
    const { telemetry } = await make(of);
    telemetry.record(
      exchange(of, {
        id: 'abc',
        warnings: ['dropped "logit_bias"'],
        attempts: [
          attempt(first, 0.25, 80, {
            failure: 'ServerError',
            scope: 'Model',
            httpStatus: 503,
            errorCode: 'The server said: the prompt itself, in full',
            settlement: NOTHING,
            committedAt: undefined,
            headersAt: undefined,
            responseId: undefined,
            responseModel: undefined,
            finishReasons: [],
          }),
          attempt(second, 105, 300, {
            kind: 'Failover',
            upstreamRequestId: 'req with spaces',
            settlement: settled({ input: 900, output: 80 }, 7n, 'Estimated'),
          }),
        ],
      }),
    );
    const summary = telemetry.request('abc');
    expect(telemetry.request('other')).toBeUndefined();
    expect(JSON.stringify(summary)).not.toContain('the prompt itself');
    expect(summary).toMatchObject({
      id: 'abc',
      route: 'demo/assistant',
      outcome: 'OK',
      costUsd: '0.000000007',
      estimated: true,
      steps: [{ stage: 'match', what: 'rule code', detail: 'matches' }],
      considered: [
        { target: 'first', reason: 'Selected', kept: true },
        { target: 'second', reason: 'Alternate', kept: true },
      ],
      warningTexts: ['dropped "logit_bias"'],
    });
    expect(summary?.attempts).toEqual([
      {
        target: 'first',
        provider: 'demo/main',
        model: 'gpt-5-mini',
        credential: 'team',
        kind: 'First',
        result: 'ServerError',
        scope: 'Model',
        status: 503,
        code: '_OTHER',
        ms: 79.75,
        serviceTier: null,
        startedMs: 0.25,
        sentMs: 1.25,
        headersMs: null,
        committedMs: null,
        endedMs: 80,
        upstreamRequestId: 'req_1',
        responseModel: null,
        responseId: null,
        finishReasons: [],
        tokens: { input: 0, cacheRead: 0, audioInput: 0, output: 0, reasoning: 0, audioOutput: 0 },
        usageSource: 'None',
        costUsd: '0',
      },
      expect.objectContaining({
        target: 'second',
        kind: 'Failover',
        credential: null,
        upstreamRequestId: '_OTHER',
        responseModel: 'llama',
        usageSource: 'Estimated',
        costUsd: '0.000000007',
        endedMs: 300,
      }),
    ]);
  });
});
