import { describe, expect, it } from 'vitest';
import { CredentialStore } from '../../../sidecar/snapshot/credentials.ts';
import { ConfigHolder } from '../../../sidecar/snapshot/holder.ts';
import { InProcessSource } from '../../../sidecar/snapshot/source.ts';
import { invalidRoute, keys, routeItem, snapshotOf } from '../../operator/sync/support/snapshots.ts';

describe('in-process source', () => {
  it('swaps snapshot and keys as one change and acknowledges both', async () => {
    const credentials = new CredentialStore();
    const holder = new ConfigHolder({ credentials });
    const source = new InProcessSource();
    await source.start(holder, credentials);
    expect(source.status()).toEqual({ connected: true, outdated: false, problem: undefined });
    source.publish(snapshotOf(routeItem('a')), keys({ old: 'x' }));
    const seen: boolean[] = [];
    holder.onChange(() => seen.push(credentials.has('old') && credentials.has('new')));
    const next = snapshotOf(invalidRoute('a', 2, 'no target'));
    expect(source.publish(next, keys({ new: 'y' }))).toEqual({
      hash: next.hash,
      credentialsVersion: keys({ new: 'y' }).version,
      exceptions: [{ id: 'route/shop/a', state: 'Stale', runningGeneration: 1, reason: 'no target' }],
    });
    expect(seen).toEqual([true]);
    expect(credentials.current()).toEqual(keys({ new: 'y' }));
  });

  it('takes keys away even with a snapshot that is unusable', async () => {
    const credentials = new CredentialStore();
    const source = new InProcessSource();
    await source.start(new ConfigHolder({ credentials }), credentials);
    source.publish(snapshotOf(), keys({ old: 'x' }));
    expect(() => source.publish({ ...snapshotOf(), hash: '' }, keys({}))).toThrow('hash');
    expect(credentials.has('old')).toBe(false);
  });

  it('feeds nobody before its start and after its end', async () => {
    const credentials = new CredentialStore();
    const source = new InProcessSource();
    expect(() => source.publish(snapshotOf(), keys({}))).toThrow('not started');
    await source.start(new ConfigHolder(), credentials);
    await source.stop();
    expect(source.status().connected).toBe(false);
    expect(() => source.publish(snapshotOf(), keys({}))).toThrow('not started');
  });
});
