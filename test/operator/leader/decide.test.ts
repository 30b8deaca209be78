import { describe, expect, it } from 'vitest';
import { nextMove, observe } from '../../../operator/leader/decide.ts';
import { ADDRESS_ANNOTATION, held, microTime, readLease, released } from '../../../operator/leader/lease.ts';

const DURATION = 15_000;

function record(spec: object, metadata: object = {}) {
  return readLease({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'outrider', ...metadata },
    spec,
  });
}

const FOREIGN = { holderIdentity: 'b', leaseDurationSeconds: 20, leaseTransitions: 3, renewTime: 'r1' };

describe('the next move', () => {
  const cases: [string, object | undefined, number, object][] = [
    ['renews what is its own, however old', { ...FOREIGN, holderIdentity: 'a' }, 99_000, { kind: 'Renew' }],
    ['takes what nobody holds at once', { ...FOREIGN, holderIdentity: '' }, 0, { kind: 'Take', why: 'Free' }],
    ['takes a Lease that was never held', {}, 0, { kind: 'Take', why: 'Free' }],
    [
      'waits as long as the holder asks, not as it would itself',
      FOREIGN,
      15_000,
      { kind: 'Wait', ms: 5_000 },
    ],
    ['takes over when nothing changed for that long', FOREIGN, 20_000, { kind: 'Take', why: 'Expired' }],
    [
      'waits its own duration where the holder says none',
      { holderIdentity: 'b' },
      14_000,
      { kind: 'Wait', ms: 1_000 },
    ],
    [
      'distrusts a duration of nothing',
      { ...FOREIGN, leaseDurationSeconds: 0 },
      14_000,
      { kind: 'Wait', ms: 1_000 },
    ],
    ['distrusts a duration of days', { ...FOREIGN, leaseDurationSeconds: 86_400 }, 15_000, { kind: 'Take' }],
    ['leaves it to a leader to put back what was deleted', undefined, 4_000, { kind: 'Wait', ms: 1_000 }],
    ['creates what stays absent', undefined, 5_000, { kind: 'Create' }],
  ];
  it.each(cases)('%s', (_, spec, quietMs, expected) => {
    const observed = { record: spec && record(spec), since: 500 };
    expect(nextMove(observed, 'a', 500 + quietMs, DURATION)).toMatchObject(expected);
  });
});

describe('what was seen', () => {
  it('is as old as the last change of the tenure, whatever else changes in the object', () => {
    const first = observe(undefined, record(FOREIGN), 100);
    const labelled = observe(first, record(FOREIGN, { resourceVersion: '9', labels: { a: 'b' } }), 200);
    expect(labelled.since).toBe(100);
    const renewed = observe(labelled, record({ ...FOREIGN, renewTime: 'r2' }), 300);
    expect(renewed.since).toBe(300);
  });

  it('is as old as time where there never was a Lease', () => {
    const { since } = observe(undefined, undefined, 100);
    expect(nextMove({ record: undefined, since }, 'a', 100, DURATION)).toEqual({ kind: 'Create' });
  });

  it('is new when the Lease goes and when it comes back', () => {
    const gone = observe(observe(undefined, record(FOREIGN), 100), undefined, 200);
    expect(gone).toEqual({ record: undefined, since: 200 });
    expect(observe(gone, undefined, 300).since).toBe(200);
    expect(observe(gone, record(FOREIGN), 400).since).toBe(400);
  });
});

describe('the Lease', () => {
  const tenure = {
    holder: 'a',
    address: '10.0.0.1:8443',
    durationMs: 15_000,
    transitions: 4,
    acquireTime: 't0',
    renewTime: 't1',
  };
  const base = record(FOREIGN, { labels: { a: 'b' }, annotations: { c: 'd' }, resourceVersion: '7' }).object;

  it('is taken without touching what others keep in it', () => {
    const taken = held(base, tenure);
    expect(taken.metadata).toEqual({
      name: 'outrider',
      labels: { a: 'b' },
      annotations: { c: 'd', [ADDRESS_ANNOTATION]: '10.0.0.1:8443' },
      resourceVersion: '7',
    });
    expect(readLease(taken)).toMatchObject({
      holder: 'a',
      address: '10.0.0.1:8443',
      durationMs: 15_000,
      transitions: 4,
    });
  });

  it('is given back free, with its term', () => {
    const free = readLease(released(held(base, tenure), 't2'));
    expect(free).toMatchObject({ holder: '', address: undefined, transitions: 4 });
    expect(free.object.metadata.annotations).toEqual({ c: 'd' });
  });

  it.each(['evil.test:1\r\nx: y', 'a b', '', 'https://x:1/', 'x'.repeat(301)])(
    'names no leader at %j',
    (text) => {
      expect(record(FOREIGN, { annotations: { [ADDRESS_ANNOTATION]: text } }).address).toBeUndefined();
    },
  );

  it('has times of six digits, and no two alike', () => {
    const wall = Date.parse('2026-11-20T10:00:00.5Z');
    expect(microTime(wall, 7)).toBe('2026-11-20T10:00:00.500007Z');
    expect(microTime(wall + 0.75, 8)).toBe('2026-11-20T10:00:00.500008Z');
    expect(microTime(wall, 1007)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });
});
