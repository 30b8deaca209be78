import { describe, expect, it } from 'vitest';
import { age, valueAt } from '../../../../dev/api-server/present/view.ts';

describe('age', () => {
  const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];
  it.each([
    [-2, '<invalid>'],
    [-1, '0s'],
    [0, '0s'],
    [119, '119s'],
    [2 * MINUTE, '2m'],
    [2 * MINUTE + 1, '2m1s'],
    [10 * MINUTE - 1, '9m59s'],
    [10 * MINUTE + 59, '10m'],
    [3 * HOUR - 1, '179m'],
    [3 * HOUR + 5 * MINUTE, '3h5m'],
    [8 * HOUR - 1, '7h59m'],
    [8 * HOUR + 59 * MINUTE, '8h'],
    [2 * DAY - 1, '47h'],
    [2 * DAY, '2d'],
    [2 * DAY + 3 * HOUR, '2d3h'],
    [8 * DAY - 1, '7d23h'],
    [8 * DAY + 5 * HOUR, '8d'],
    [2 * 365 * DAY - 1, '729d'],
    [2 * 365 * DAY, '2y'],
    [3 * 365 * DAY + 40 * DAY, '3y40d'],
  ])('of %d seconds is %s', (seconds, text) => {
    const now = new Date('2026-05-01T12:00:00Z');
    expect(age(new Date(now.getTime() - seconds * 1000).toISOString(), now)).toBe(text);
  });

  it('of no time is invalid', () => {
    expect(age('yesterday', new Date())).toBe('<invalid>');
  });
});

describe('JSONPath', () => {
  const object = {
    spec: { models: ['gpt', 'claude'], 'odd.name': 1, zero: 0 },
    status: {
      conditions: [
        { type: 'Accepted', status: 'True' },
        { type: 'Ready', status: 'False', reason: { code: 7 } },
      ],
    },
  };
  it.each([
    ['.spec.zero', 0],
    ['.spec.models[1]', 'claude'],
    ['.spec.models[2]', undefined],
    ["['spec']['odd.name']", 1],
    ['.status.conditions[?(@.type=="Ready")].status', 'False'],
    [".status.conditions[?(@.type=='Ready')].reason.code", 7],
    ['.status.conditions[?(@.type=="None")].status', undefined],
    ['.spec.missing.more', undefined],
    ['.spec.models.length', undefined],
    ['.spec.missing|.spec.models[0]', 'gpt'],
  ])('%s', (path, value) => {
    expect(valueAt(object, path)).toBe(value);
  });

  it.each(['spec', '.spec[*]', '.spec..models', '.spec[?(@.a>1)]'])('does not take %s', (path) => {
    expect(() => valueAt(object, path)).toThrow(`JSONPath "${path}" is not understood`);
  });
});
