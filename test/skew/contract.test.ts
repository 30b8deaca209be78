import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isOlder, OLDEST_SIDECAR } from '../../operator/sync/served.ts';
import { ADDITIONS, type Addition } from '../../sidecar/snapshot/additions.ts';
import { SNAPSHOT_VERSION } from '../../sidecar/snapshot/schema.ts';
import { contractNow } from './record.ts';
import { undecided } from './support/decisions.ts';
import { lastRelease, RELEASES, type RecordedContract, recordedContract } from './support/release.ts';

const released = recordedContract(lastRelease());

it('has not changed since the last release in any way that nobody decided', () => {
  expect(undecided(released, contractNow(), ADDITIONS)).toEqual([]);
});

it('says which is the oldest sidecar that is served', () => {
  const served = readdirSync(RELEASES).filter(
    (release) => recordedContract(release).version >= Math.max(1, SNAPSHOT_VERSION - 1),
  );
  expect(served.filter((release) => isOlder(release, OLDEST_SIDECAR))).toEqual([]);
  expect(served).toContain(OLDEST_SIDECAR);
});

describe('a change', () => {
  const was: RecordedContract = {
    version: 1,
    features: ['failover'],
    fields: {
      Route: {
        body: { required: false, takes: 'an object' },
        'body.rules': { required: true, takes: '1 to 64 entries, each an object' },
        'body.rules[].on': { required: true, takes: '0 to 16 entries, each a choice', values: ['Connect'] },
        'body.rules[].note': { required: false, takes: 'a string' },
      },
      Provider: {},
    },
  };
  const field = { required: false, takes: 'an object' };
  const withRoute = (fields: RecordedContract['fields']['Route'], more: Partial<RecordedContract> = {}) => ({
    ...was,
    features: ['failover', 'cache'],
    ...more,
    fields: { Route: { ...was.fields.Route, ...fields }, Provider: {} },
  });
  const { 'body.rules[].note': _, ...withoutNote } = was.fields.Route;

  it.each<[string, RecordedContract, Addition[], string[]]>([
    ['that is none', was, [], []],
    [
      'a new field',
      withRoute({ 'body.rules[].cache': field, 'body.rules[].cache.ttl': { ...field, required: true } }),
      [],
      ['Route body.rules[].cache is new: add it to sidecar/snapshot/additions.ts'],
    ],
    [
      'a new field with a feature',
      withRoute({ 'body.rules[].cache': field, 'body.rules[].cache.ttl': { ...field, required: true } }),
      [{ kind: 'Route', field: 'body.rules[].cache', needs: 'cache' as 'patch' }],
      [],
    ],
    [
      'a new field that is advisory',
      withRoute({ 'body.rules[].cache': field }),
      [{ kind: 'Route', field: 'body.rules[].cache', advisory: true }],
      [],
    ],
    [
      'a new field with a feature that sidecars of the release have',
      withRoute({ 'body.rules[].cache': field }),
      [{ kind: 'Route', field: 'body.rules[].cache', needs: 'failover' }],
      ['the addition Route body.rules[].cache needs failover, which sidecars of the release claim to have'],
    ],
    [
      'a new field that is only called wider',
      withRoute({ 'body.rules[].cache': field }),
      [{ kind: 'Route', field: 'body.rules[].cache', wider: true }],
      ['Route body.rules[].cache is new'],
    ],
    [
      'a new required field',
      withRoute({ 'body.rules[].cache': { ...field, required: true } }),
      [{ kind: 'Route', field: 'body.rules[].cache', needs: 'cache' as 'patch' }],
      ['Route body.rules[].cache is new and required: a sidecar of the release'],
    ],
    [
      'a new value',
      withRoute({
        'body.rules[].on': { ...was.fields.Route['body.rules[].on'], values: ['Connect', 'Slow'] } as never,
      }),
      [],
      ['Route body.rules[].on Slow is new'],
    ],
    [
      'a new value with a feature',
      withRoute({
        'body.rules[].on': { ...was.fields.Route['body.rules[].on'], values: ['Connect', 'Slow'] } as never,
      }),
      [{ kind: 'Route', field: 'body.rules[].on[]', value: 'Slow', needs: 'cache' as 'patch' }],
      [],
    ],
    [
      'a wider bound',
      withRoute({ 'body.rules': { required: true, takes: '1 to 128 entries, each an object' } }),
      [],
      ['Route body.rules took 1 to 64 entries, each an object and takes 1 to 128'],
    ],
    [
      'a wider bound that was decided',
      withRoute({ 'body.rules': { required: true, takes: '1 to 128 entries, each an object' } }),
      [{ kind: 'Route', field: 'body.rules', wider: true }],
      [],
    ],
    [
      'a field that is gone',
      { ...was, fields: { Route: withoutNote, Provider: {} } },
      [],
      ['Route body.rules[].note is gone: a sidecar of the release reads items otherwise'],
    ],
    [
      'a field that is gone in a new version',
      { ...was, version: 2, fields: { Route: withoutNote, Provider: {} } },
      [],
      [],
    ],
    [
      'a field that is newly required',
      withRoute({ 'body.rules[].note': { required: true, takes: 'a string' } }),
      [],
      ['Route body.rules[].note is newly required'],
    ],
    [
      'a field that may be missing',
      withRoute({ 'body.rules[].on': { ...was.fields.Route['body.rules[].on'], required: false } as never }),
      [],
      ['Route body.rules[].on may be missing now'],
    ],
    ['a feature that is gone', { ...was, features: [] }, [], ['feature failover is gone']],
    [
      'an addition of nothing',
      was,
      [{ kind: 'Route', field: 'body.cache', advisory: true }],
      ['the addition Route body.cache is of a field that is not there'],
    ],
  ])('%s', (_, now, additions, expected) => {
    const found = undecided(was, now, additions);
    expect(found).toHaveLength(expected.length);
    for (const [i, text] of expected.entries()) expect(found[i]).toContain(text);
  });
});
