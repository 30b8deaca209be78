import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Frame, ReportBody } from '../../../sidecar/snapshot/report-body.ts';

const FRAME: Frame = {
  epoch: 'e',
  ack: { hash: 'h', credentialsVersion: 'c', exceptions: [] },
  proxyVersion: '1',
  features: ['Ünïcode'],
};
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe('the body of a report', () => {
  it('is the report as JSON, with as many rows as fit beside the frame and not a byte more', () => {
    const rows = fc.array(fc.record({ model: fc.string({ unit: 'binary', maxLength: 40 }) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(rows, fc.nat(1500), (all, room) => {
        const most = bytesOf(FRAME) + room;
        const body = new ReportBody(room);
        body.add(all);
        const text = body.finish(FRAME);
        expect(JSON.parse(text.toString())).toEqual({ ...FRAME, rows: all.slice(0, body.rows) });
        expect(body.rows === 0 || text.length <= most).toBe(true);
        const oneMore = bytesOf({ rows: all.slice(0, body.rows + 1), ...FRAME });
        expect(body.rows === all.length || oneMore > most).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('holds more than it began with', () => {
    const all = Array.from({ length: 1000 }, (_, i) => ({ request: `r${i}`, model: 'é'.repeat(100) }));
    const body = new ReportBody(2 ** 21);
    body.add(all);
    expect(JSON.parse(body.finish(FRAME).toString())).toEqual({ ...FRAME, rows: all });
  });
});
