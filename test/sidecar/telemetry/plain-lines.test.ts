import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finished } from '../../../sidecar/telemetry/finished.ts';
import { plainAttempt } from '../../../sidecar/telemetry/plain.ts';
import { PlainLines } from '../../../sidecar/telemetry/plain-lines.ts';
import { logRecord } from '../../../sidecar/telemetry/summarise.ts';
import { attempt, type ExchangeParts, settled } from './exchanges.ts';
import { finished, first, made, open, requests } from './plain-requests.ts';

function lineOf(lines: PlainLines, end: Finished, trace?: string, rate = 1): string | undefined {
  const plain = plainAttempt(end);
  return plain && lines.line(end, plain, trace, rate);
}

describe('lines of plain requests', () => {
  it('are what JSON makes of the record, whatever the request before was', () => {
    fc.assert(
      fc.property(fc.array(requests, { minLength: 1, maxLength: 12 }), (list) => {
        const lines = new PlainLines();
        for (const one of list) {
          const end = made(one);
          const line = lineOf(lines, end, one.trace, one.rate);
          expect([undefined, JSON.stringify(logRecord(end, one.trace, one.rate))]).toContain(line);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('are made for a good answer at the first try', () => {
    expect(lineOf(new PlainLines(), finished({}))).toContain('"outcome":"OK"');
  });

  it('are left to JSON where there is more to tell', () => {
    const lines = new PlainLines();
    const failed = attempt(first, 0, 9, { failure: 'Timeout', errorCode: 'timeout' });
    for (const parts of [
      { warnings: ['dropped'] },
      { attempts: [failed, attempt(first, 10, 20)] },
      { attempts: [failed], outcome: { status: 504, errorCode: 'upstream_timeout' } },
      { attempts: [attempt(open, 0, 9, { settlement: settled({ input: 1 }) })] },
      { asked: '\u0000' },
      { plan: undefined },
    ] satisfies ExchangeParts[]) {
      expect(lineOf(lines, finished(parts))).toBeUndefined();
    }
  });
});
