import { describe, expect, it } from 'vitest';
import { indexModels, upstreamName } from '../../../sidecar/snapshot/models.ts';
import { model, provider } from '../routing/support.ts';

const index = indexModels(
  provider('p', {
    models: [
      model('declared', { upstreamName: 'vendor-name' }),
      model('base', {
        variants: [
          { form: 'Exact', text: 'base-alias' },
          { form: 'Exact', text: 'declared' },
          { form: 'Dated', text: 'base-' },
          { form: 'Prefix', text: 'ft:base' },
        ],
      }),
      model('base-mini', { variants: [{ form: 'Prefix', text: 'ft:base-mini' }] }),
    ],
  }),
);

describe('the model a name stands for', () => {
  it.each([
    ['declared', 'declared'],
    ['base', 'base'],
    ['base-alias', 'base'],
    ['base-2026-01-31', 'base'],
    ['ft:base:shop', 'base'],
    ['ft:base-mini:shop', 'base-mini'],
  ])('%s is %s', (name, expected) => expect(index.find(name)?.name).toBe(expected));

  it.each(['other', 'base-mini-2026-01-31', 'base-2026-01', 'base-2026-01-31-x', 'BASE', ''])(
    '%s is none',
    (name) => expect(index.find(name)).toBeUndefined(),
  );
});

describe('the name the vendor is asked for', () => {
  it('is the one declared for it, and for variants the variant', () => {
    expect(upstreamName(index.find('declared'), 'declared')).toBe('vendor-name');
    expect(upstreamName(index.find('base-2026-01-31'), 'base-2026-01-31')).toBe('base-2026-01-31');
    expect(upstreamName(undefined, 'anything')).toBe('anything');
  });
});
