import { describe, expect, it } from 'vitest';
import {
  CALLERS,
  EMBED_CALLERS,
  EMBED_VENDORS,
  VENDOR_WIRES,
  VENDORS,
} from '../../../sidecar/dialects/formats.ts';
import { FAMILIES } from '../../../sidecar/dialects/registry.ts';
import {
  EMBEDS_FROM,
  EMBEDS_TO,
  TRANSLATED_FROM,
  TRANSLATED_TO,
} from '../../../sidecar/dialects/translatable.ts';

describe('what is said of translation without its code', () => {
  it('is what the code brings', () => {
    expect([...TRANSLATED_FROM].sort()).toEqual(Object.keys(CALLERS).sort());
    expect([...TRANSLATED_TO.keys()].sort()).toEqual(Object.keys(VENDORS).sort());
    expect([...EMBEDS_FROM].sort()).toEqual(Object.keys(EMBED_CALLERS).sort());
    expect([...EMBEDS_TO].sort()).toEqual(Object.keys(EMBED_VENDORS).sort());
    for (const [dialect, { severalAnswers }] of TRANSLATED_TO) {
      expect([dialect, VENDORS[dialect]?.honours.has('choices')]).toEqual([dialect, severalAnswers]);
    }
  });

  it('leaves no vendor without a reader of its answers', () => {
    const own = FAMILIES.flatMap(({ endpoints }) => endpoints.map(({ dialect }) => dialect.name));
    for (const dialect of TRANSLATED_TO.keys()) {
      expect(own.includes(dialect) || VENDOR_WIRES[dialect] !== undefined).toBe(true);
    }
  });
});
