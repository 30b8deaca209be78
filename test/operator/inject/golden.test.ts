import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { dump } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../../operator/inject/json-patch.ts';
import { inject } from '../../../operator/inject/mutate.ts';
import { readCase } from './support/case.ts';

/** `UPDATE_GOLDEN=1 vitest run test/operator/inject` writes what `inject` gives now; the diff is the review. */
const UPDATE = process.env.UPDATE_GOLDEN === '1';
const FOLDER = path.join(import.meta.dirname, 'golden');
const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.in.yaml'))
  .map((file) => file.slice(0, -'.in.yaml'.length));

describe('inject, a pod in and a pod or a reason out', () => {
  it.each(NAMES)('%s', (name) => {
    const { pod, namespace, settings } = readCase(readFileSync(path.join(FOLDER, `${name}.in.yaml`), 'utf8'));
    const before = structuredClone(pod);
    const injection = inject(pod, namespace, settings);
    expect(pod).toEqual(before);
    const shown = injection.outcome === 'Injected' ? injection.pod : injection;
    const patched = injection.outcome === 'Injected' ? applyPatch(pod, injection.patch) : injection;
    expect(patched).toEqual(shown);
    const out = dump(shown, { lineWidth: -1, noRefs: true });
    const file = path.join(FOLDER, `${name}.out.yaml`);
    if (UPDATE) writeFileSync(file, out);
    expect(out).toBe(readFileSync(file, 'utf8'));
  });
});
