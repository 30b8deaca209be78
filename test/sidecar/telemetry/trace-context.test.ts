import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSampled, traceTail } from '../../../sidecar/telemetry/sampler.ts';
import { readTraceParent } from '../../../sidecar/telemetry/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const parent = (text: string | string[] | undefined) => readTraceParent(text, undefined);
const state = (text: string | string[]) => readTraceParent(`00-${TRACE}-${SPAN}-01`, text)?.state;

describe('traceparent', () => {
  it('is read as the standard has it', () => {
    expect(parent(`00-${TRACE}-${SPAN}-01`)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      sampled: true,
      state: '',
    });
    expect(parent(`00-${TRACE}-${SPAN}-00`)?.sampled).toBe(false);
    expect(parent(`00-${TRACE}-${SPAN}-02`)?.sampled).toBe(false);
    expect(parent(`00-${TRACE}-${SPAN}-03`)?.sampled).toBe(true);
    expect(parent(`cc-${TRACE}-${SPAN}-01-what-comes-later`)?.traceId).toBe(TRACE);
    expect(parent(`cc-${TRACE}-${SPAN}-01`)?.traceId).toBe(TRACE);
  });

  it.each([
    ['nothing', undefined],
    ['empty', ''],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['more after version 00', `00-${TRACE}-${SPAN}-01-more`],
    ['no dash after a later version', `cc-${TRACE}-${SPAN}-01more`],
    ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['zero trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['zero span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['short trace', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['no flags', `00-${TRACE}-${SPAN}`],
    ['white space', ` 00-${TRACE}-${SPAN}-01`],
    ['two headers, joined', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['two headers', [`00-${TRACE}-${SPAN}-01`]],
    ['endless', `cc-${TRACE}-${SPAN}-01-${'x'.repeat(1000)}`],
  ])('is ignored when malformed: %s', (_, text) => {
    expect(parent(text)).toBeUndefined();
  });

  it('is all or nothing, whatever is changed in it', () => {
    const valid = `00-${TRACE}-${SPAN}-01`;
    const changed = fc.tuple(fc.nat(valid.length), fc.nat(3), fc.string({ maxLength: 3 }));
    fc.assert(
      fc.property(changed, fc.string(), ([at, cut, insert], other) => {
        const text = valid.slice(0, at) + insert + valid.slice(at + cut);
        const read = readTraceParent(text, other);
        const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;
        const well = form.test(text) && (text.length === valid.length || !text.startsWith('00'));
        expect(read?.traceId).toBe(well ? text.slice(3, 35) : undefined);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('tracestate', () => {
  it('is kept when whole', () => {
    expect(state('rojo=00f067aa0ba902b7,congo=t61rcWkgMzE')).toBe('rojo=00f067aa0ba902b7,congo=t61rcWkgMzE');
    expect(state(' a=1 ,\tb=2,, ')).toBe('a=1,b=2');
    expect(state(['a=1', 'b=2'])).toBe('a=1,b=2');
    expect(state('fw529a3039@dt=FfUw')).toBe('fw529a3039@dt=FfUw');
  });

  it.each([
    ['upper-case key', 'A=1'],
    ['no value', 'a='],
    ['no equals sign', 'a'],
    ['equals sign in the value', 'a=b=c'],
    ['the same key twice', 'a=1,a=2'],
    ['control character', 'a=\u0001'],
    ['too many members', Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(',')],
  ])('is dropped, and the parent kept: %s', (_, text) => {
    expect(state(text)).toBe('');
  });
});

describe('sampling', () => {
  const id = (n: number) => n.toString(16).padStart(32, '0').replace(/^0/, 'a');

  it('decides by the trace id, in proportion, and nested: what 1 % keeps, 10 % keeps too', () => {
    let seed = 7;
    const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    const ids = Array.from({ length: 20_000 }, () =>
      Array.from({ length: 4 }, () =>
        Math.floor(random() * 2 ** 32)
          .toString(16)
          .padStart(8, '0'),
      ).join(''),
    );
    const kept = (ratio: number) =>
      ids.filter((one) => isSampled({ parentBased: true, ratio }, undefined, traceTail(one)));
    expect(kept(0.05).length / ids.length).toBeGreaterThan(0.04);
    expect(kept(0.05).length / ids.length).toBeLessThan(0.06);
    const tenth = new Set(kept(0.1));
    expect(kept(0.01).every((one) => tenth.has(one))).toBe(true);
    expect(kept(0)).toHaveLength(0);
    expect(kept(1)).toHaveLength(ids.length);
  });

  it('follows the caller only when it is parent based', () => {
    const caller = { traceId: id(1), spanId: SPAN, sampled: true, state: '' };
    const tail = traceTail(caller.traceId);
    expect(isSampled({ parentBased: true, ratio: 0 }, caller, tail)).toBe(true);
    expect(isSampled({ parentBased: true, ratio: 1 }, { ...caller, sampled: false }, tail)).toBe(false);
    expect(isSampled({ parentBased: false, ratio: 1 }, { ...caller, sampled: false }, tail)).toBe(true);
    expect(isSampled({ parentBased: false, ratio: 0 }, caller, tail)).toBe(false);
  });
});
