import { describe, expect, it } from 'vitest';
import { membersOf } from '../../../sidecar/dialects/scan/body-scan.ts';
import { askedTier } from '../../../sidecar/dispatch/asked-tier.ts';
import type { PatchBody } from '../../../sidecar/snapshot/schema.ts';

const tierOf = (body: object, patch: Partial<PatchBody> = {}) =>
  askedTier(membersOf(Buffer.from(JSON.stringify(body))), {
    set: [],
    default: [],
    remove: [],
    headers: [],
    ...patch,
  });
const flex = [{ name: 'service_tier', value: 'flex' }];

describe('askedTier', () => {
  it.each([
    [{ service_tier: 'priority' }, 'Priority'],
    [{ serviceTier: 'FLEX' }, 'Flex'],
    [{ serviceTier: { type: 'priority' } }, 'Priority'],
    [{ service_tier: 'default' }, undefined],
    [{ service_tier: 'standard_only' }, undefined],
    [{ service_tier: 'auto' }, undefined],
    [{ service_tier: 'platinum' }, undefined],
    [{ service_tier: null }, undefined],
    [{ service_tier: ['priority'] }, undefined],
    [{ service_tier: 'p'.repeat(1000) }, undefined],
    [{}, undefined],
  ])('in %j is %s', (body, tier) => {
    expect(tierOf(body)).toBe(tier);
  });

  it('is what a target makes of it', () => {
    expect(tierOf({ service_tier: 'priority' }, { set: flex })).toBe('Flex');
    expect(tierOf({}, { set: flex })).toBe('Flex');
    expect(
      tierOf({ service_tier: 'priority' }, { set: [{ name: 'service_tier', value: null }] }),
    ).toBeUndefined();
    expect(tierOf({}, { default: flex })).toBe('Flex');
    expect(tierOf({ service_tier: 'priority' }, { default: flex })).toBe('Priority');
    expect(tierOf({ service_tier: 'priority' }, { remove: ['service_tier'] })).toBeUndefined();
  });
});
