import { describe, expect, it } from 'vitest';
import { findLedger } from '../../../cli/usage/find-ledger.ts';
import { ApiError } from '../../../operator/watch/api-error.ts';

const named = (...places: string[]) => ({
  json: <T>() =>
    Promise.resolve({
      items: places.map((place) => {
        const [namespace, name] = place.split('/');
        return { metadata: { namespace, name } };
      }),
    } as T),
});
const unset = { namespace: undefined, name: undefined };

describe('the ledger that is meant', () => {
  it('is the only one there is, wherever it is', async () => {
    const client = named(
      'default/my-ledger-shard-0',
      'default/my-ledger-shard-1',
      'default/my-ledger-day-2026-11-20',
    );
    expect(await findLedger(client, unset)).toEqual({ namespace: 'default', name: 'my-ledger' });
  });

  it('is in the usual place where there is none, or nobody may look', async () => {
    const usual = { namespace: 'outrider-system', name: 'outrider-ledger' };
    expect(await findLedger(named(), unset)).toEqual(usual);
    const forbidden = { json: () => Promise.reject(new ApiError(403, 'Forbidden', 'no')) };
    expect(await findLedger(forbidden, unset)).toEqual(usual);
    expect(await findLedger(forbidden, { namespace: 'x', name: undefined })).toEqual({
      ...usual,
      namespace: 'x',
    });
  });

  it('has to be said where there are several', async () => {
    const client = named('a/one-shard-0', 'b/two-shard-3');
    await expect(findLedger(client, unset)).rejects.toThrow('several ledgers, a/one, b/two: say which');
    expect(await findLedger(client, { namespace: undefined, name: 'two' })).toEqual({
      namespace: 'b',
      name: 'two',
    });
  });
});
