/** What operator and sidecar talk about while they are recorded, or while versions of them are tried on each other. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compile } from '../../../operator/compile/compile.ts';
import type { Compiled, Contract, Resources } from '../../../operator/compile/types.ts';
import { type Case, readCase } from '../../operator/compile/case.ts';

const FILE = path.join(import.meta.dirname, '../scenario/first.yaml');

/** First everything is there. Then a route turned invalid, one is gone, one is new, and the keys were rotated. */
export function scenario(): { options: Case['options']; first: Resources; second: Resources } {
  const { resources: first, options } = readCase(readFileSync(FILE, 'utf8'));
  const second = structuredClone(first);
  for (const { metadata, stringData } of second.secrets) {
    metadata.resourceVersion = '42';
    for (const key of Object.keys(stringData ?? {}))
      Object.assign(stringData ?? {}, { [key]: `sk-new-${key}` });
  }
  const [plain] = second.routes.filter(({ metadata }) => metadata.name === 'plain');
  if (!plain?.spec) throw new Error('the scenario has a plain route');
  const added = structuredClone(plain);
  Object.assign(added.metadata, { name: 'added', uid: 'u-added' });
  Object.assign(added.spec ?? {}, { models: ['added'] });
  plain.metadata.generation = 2;
  Object.assign(plain.spec, { rules: [] });
  const kept = second.routes.filter(({ metadata }) => metadata.name !== 'passing');
  return { options, first, second: { ...second, routes: [...kept, added] } };
}

/** Both steps, compiled. */
export function compiledScenario(contract?: Contract): readonly [Compiled, Compiled] {
  const { options, first, second } = scenario();
  const all = { ...options, ...(contract && { contract }) };
  return [compile(first, all), compile(second, all)];
}
