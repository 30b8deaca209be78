/** One item in the hands of a sidecar that knows less, or more, than the operator that sent it. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Addition, requirementsOf } from '../../../sidecar/snapshot/additions.ts';
import type { ProviderItem, RouteItem, SnapshotItem } from '../../../sidecar/snapshot/schema.ts';
import { CONTRACT, validateItem } from '../../../sidecar/snapshot/validate.ts';
import { providerItem, routeItem } from '../../operator/sync/support/snapshots.ts';

/** The item with a member more at a place in its body. */
function grown<Item extends SnapshotItem>(item: Item, at: (body: NonNullable<Item['body']>) => object): Item {
  const copy = structuredClone(item);
  Object.assign(at(copy.body as NonNullable<Item['body']>), { hint: { level: 3 } });
  return copy;
}

const inBody = grown(routeItem('a'), (body) => body);
const timingOut = routeItem('a');
timingOut.body?.rules[0]?.failover.on.push('Timeout');
const inTarget = grown(routeItem('a'), (body) => body.rules[0]?.targets[0] ?? body);

describe('a field that this version does not know', () => {
  it.each<[string, SnapshotItem]>([
    ['spec.hint', inBody],
    ['spec.rules[0].targets[0].hint', inTarget],
    ['item.hint', { ...routeItem('a'), hint: 1 } as SnapshotItem],
  ])('%s makes it refuse the item', (path, item) => {
    expect(validateItem(item)).toEqual({ ok: false, reason: `${path} is not known to this version` });
  });

  it.each<[string, SnapshotItem]>([
    ['body.hint', inBody],
    ['body.rules[].targets[].hint', inTarget],
    ['hint', { ...routeItem('a'), hint: 1 } as SnapshotItem],
  ])('is left aside where the item calls %s advisory', (path, item) => {
    const advisory = [path];
    expect(validateItem({ ...item, advisory })).toEqual({ ok: true, item: { ...routeItem('a'), advisory } });
    expect(validateItem({ ...item, advisory: [`${path}s`] })).toMatchObject({ ok: false });
  });

  it('says nothing of the fields beside it', () => {
    const item = { ...grown(inTarget, (body) => body), advisory: ['body.hint'] };
    expect(validateItem(item)).toEqual({
      ok: false,
      reason: 'spec.rules[0].targets[0].hint is not known to this version',
    });
  });
});

it('never leaves aside what it knows, whatever is called advisory', () => {
  const paths = [...CONTRACT.Route.keys()];
  fc.assert(
    fc.property(fc.subarray(paths, { maxLength: 64 }), (advisory) => {
      const item: RouteItem = { ...routeItem('a'), advisory };
      expect(validateItem(item)).toEqual({ ok: true, item });
    }),
  );
});

describe('what an item asks of older sidecars', () => {
  const additions: Addition[] = [
    { kind: 'Route', field: 'body.rules[].targets[].hint', needs: 'patch' },
    { kind: 'Route', field: 'body.hint', advisory: true },
    { kind: 'Provider', field: 'body.type', value: 'OpenAI', needs: 'failover' },
    { kind: 'Route', field: 'body.rules[].failover.on[]', value: 'Timeout', needs: 'match.prompt' },
    { kind: 'Provider', field: 'body.models', wider: true },
  ];
  const none: string[] = [];

  it.each<[string, RouteItem | ProviderItem, string[], string[]]>([
    ['nothing new', routeItem('a'), none, none],
    ['a new field in a list', inTarget, ['patch'], none],
    ['a new advisory field', inBody, none, ['body.hint']],
    ['a new value', providerItem(), ['failover'], none],
    ['a new value in a list', timingOut, ['match.prompt'], none],
  ])('%s', (_, item, requires, advisory) => {
    expect(requirementsOf(item, additions)).toEqual({ requires, advisory });
  });
});
