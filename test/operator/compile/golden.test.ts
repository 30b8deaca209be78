import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { dump } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { compile } from '../../../operator/compile/compile.ts';
import { snapshotHash } from '../../../sidecar/snapshot/hash.ts';
import { validateItem } from '../../../sidecar/snapshot/validate.ts';
import { readCase } from './case.ts';

/** `UPDATE_GOLDEN=1 vitest run test/operator/compile` writes what `compile` gives now; the diff is the review. */
const UPDATE = process.env.UPDATE_GOLDEN === '1';
const FOLDER = path.join(import.meta.dirname, 'golden');
const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.in.yaml'))
  .map((file) => file.slice(0, -'.in.yaml'.length));

describe('compile, resources in and snapshots and verdicts out', () => {
  it.each(NAMES)('%s', (name) => {
    const { resources, options } = readCase(readFileSync(path.join(FOLDER, `${name}.in.yaml`), 'utf8'));
    const compiled = compile(resources, options);
    const groups = Map.groupBy(resources.pods, (pod) => compiled.snapshotFor(pod).hash);
    const workloads = [...groups.values()].map((pods) => {
      const [pod] = pods;
      if (!pod) throw new Error('a group has a pod');
      const { hash, items } = compiled.snapshotFor(pod);
      expect(snapshotHash(items)).toBe(hash);
      for (const item of items) expect(validateItem(item)).toEqual({ ok: true, item });
      return {
        pods: pods.map((p) => `${p.namespace}/${p.name}`),
        routes: compiled.routesOf(pod),
        hash,
        items,
        credentials: compiled.credentialsFor(pod).credentials,
      };
    });
    const out = dump({ verdicts: compiled.verdicts, workloads }, { lineWidth: 140, noRefs: true });
    const file = path.join(FOLDER, `${name}.out.yaml`);
    if (UPDATE) writeFileSync(file, out);
    expect(out).toBe(readFileSync(file, 'utf8'));
  });
});
