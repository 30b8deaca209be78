import { describe, expect, it } from 'vitest';
import { compile } from '../../../operator/compile/compile.ts';
import { CONTRACT } from '../../../operator/compile/contract.ts';
import type { Contract } from '../../../operator/compile/types.ts';
import { snapshotHash } from '../../../sidecar/snapshot/hash.ts';
import { PREVIOUS } from '../../../sidecar/snapshot/previous.ts';
import { SNAPSHOT_VERSION, type SnapshotItem } from '../../../sidecar/snapshot/schema.ts';
import { readCase } from './case.ts';

const { resources, options } = readCase(`
workloads: [{ namespace: shop, name: web-1 }, { namespace: shop, name: web-2 }]
---
kind: LLMProvider
metadata: { namespace: shop, name: p }
spec: { type: OpenAICompatible, endpoint: { url: "http://p/v1" } }
---
kind: LLMRoute
metadata: { namespace: shop, name: chat }
spec: { models: [chat], rules: [{ name: r, targets: [{ name: t, provider: { name: p } }] }] }
`);
const [web1, web2] = resources.pods;
if (!web1 || !web2) throw new Error('the case has two pods');

/** A version 7 that says the place of a route otherwise than version 6 did. */
const contract: Contract = {
  version: 7,
  previous: (item) => (item.kind === 'Route' ? ({ ...item, place: item.rank } as SnapshotItem) : item),
};

describe('versions of snapshots', () => {
  it('are the current one, and the one before where there is one', () => {
    expect(compile(resources, options).versions).toEqual([SNAPSHOT_VERSION]);
    const compiled = compile(resources, { ...options, contract });
    expect(compiled.versions).toEqual([7, 6]);
    expect(compiled.snapshotFor(web1).version).toBe(7);
    expect(compiled.snapshotFor(web1, 7)).toBe(compiled.snapshotFor(web1));
  });

  it('differ in their items and hashes; one group of workloads shares one of each', () => {
    const compiled = compile(resources, { ...options, contract });
    const older = compiled.snapshotFor(web1, 6);
    expect(older.version).toBe(6);
    expect(older.items.map((item) => 'place' in item)).toEqual([false, true]);
    expect(older.hash).toBe(snapshotHash(older.items));
    expect(older.hash).not.toBe(compiled.snapshotFor(web1).hash);
    expect(compiled.snapshotFor(web2, 6)).toBe(older);
  });

  it.each([5, 8, 0])('%i is not served', (version) => {
    const compiled = compile(resources, { ...options, contract });
    expect(() => compiled.snapshotFor(web1, version)).toThrow(RangeError);
    expect(() => compile(resources, options).snapshotFor(web1, 0)).toThrow('version 0 of snapshots');
  });

  it('have a way from one to the next on both sides as soon as there are two', () => {
    const bothWays = [CONTRACT.previous !== undefined, PREVIOUS !== undefined];
    expect(bothWays).toEqual(Array(2).fill(SNAPSHOT_VERSION > 1));
  });
});
