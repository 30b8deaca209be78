import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANNOTATIONS } from '../../../operator/inject/annotations.ts';
import { applyPatch } from '../../../operator/inject/json-patch.ts';
import { inject } from '../../../operator/inject/mutate.ts';
import type { Container, Pod } from '../../../operator/inject/pod.ts';
import { settingsWith } from './support/case.ts';
import { pod } from './support/random-pods.ts';

const namespace = { name: 'shop', labels: { 'outrider.dev/injection': 'enabled' } };
const settings = settingsWith();

/** What a container is but for the variables it gets. */
const others = (each: Container) => ({ ...each, env: undefined, envFrom: undefined });

function injected(before: Pod) {
  const injection = inject(before, namespace, settings);
  fc.pre(injection.outcome === 'Injected');
  return injection;
}

/** The variables and sources that a container must have in the end. */
function expected({ name, env, envFrom }: Container, { annotations = {} }: Pod['metadata']) {
  const mesh = name.startsWith('istio') || name.startsWith('linkerd');
  if (mesh || annotations['outrider.dev/env'] === 'None') return { env, envFrom };
  const named = envFrom?.some(({ configMapRef }) => configMapRef?.name === 'outrider-env');
  const sources = named ? envFrom : [{ configMapRef: { name: 'outrider-env' } }, ...(envFrom ?? [])];
  const port = annotations['outrider.dev/port'] ?? '4000';
  const urls = [
    { name: 'ANTHROPIC_BASE_URL', value: `http://127.0.0.1:${port}` },
    { name: 'OPENAI_BASE_URL', value: `http://127.0.0.1:${port}/v1` },
  ];
  const added = port === '4000' ? [] : urls.filter((url) => !env?.some((own) => own.name === url.name));
  return { env: added.length === 0 ? env : [...added, ...(env ?? [])], envFrom: sources };
}

describe('inject', () => {
  it('gives what its patch gives, leaves its input alone, and does nothing when asked again', () => {
    fc.assert(
      fc.property(pod, (before) => {
        const untouched = structuredClone(before);
        const { pod: after, patch } = injected(before);
        expect(before).toEqual(untouched);
        expect(applyPatch(before, JSON.parse(JSON.stringify(patch)))).toEqual(after);
        expect(injected(after)).toEqual({ outcome: 'Injected', pod: after, patch: [] });
      }),
      { numRuns: 500 },
    );
  });

  it('changes nothing but what it is there for', () => {
    fc.assert(
      fc.property(pod, (before) => {
        const { containers, initContainers = [], volumes = [], ...spec } = injected(before).pod.spec;
        const { containers: had, initContainers: inits = [], volumes: mounted = [], ...rest } = before.spec;
        const kept = initContainers.filter(({ name }) => name !== 'outrider');
        expect([...kept, ...containers].map(others)).toEqual([...inits, ...had].map(others));
        expect(kept.length).toBe(initContainers.length - 1);
        const { 'outrider.dev/spool-size': size = '0', 'outrider.dev/spool-volume': own } =
          before.metadata.annotations ?? {};
        const added = size !== '0' && own === undefined ? 4 : 3;
        expect(volumes.slice(0, -added)).toEqual(mounted);

        const { 'outrider.dev/termination-grace': grace = '0s' } = before.metadata.annotations ?? {};
        const asked = { '0s': 0, '1s': 1, '10m': 600 }[grace] ?? Number.NaN;
        const seconds = Math.max(asked, rest.terminationGracePeriodSeconds ?? 30);
        expect({ terminationGracePeriodSeconds: 30, ...spec }).toEqual({
          ...rest,
          terminationGracePeriodSeconds: seconds,
        });
      }),
      { numRuns: 500 },
    );
  });

  it('gives variables to the containers of the app, where they set none', () => {
    fc.assert(
      fc.property(pod, (before) => {
        const { containers, initContainers = [] } = injected(before).pod.spec;
        const all = [...initContainers.filter(({ name }) => name !== 'outrider'), ...containers];
        const wanted = [...(before.spec.initContainers ?? []), ...before.spec.containers].map((each) =>
          expected(each, before.metadata),
        );
        expect(all.map(({ env, envFrom }) => ({ env, envFrom }))).toEqual(wanted);
      }),
      { numRuns: 500 },
    );
  });

  it('puts the sidecar behind the last proxy of a mesh, else first', () => {
    fc.assert(
      fc.property(pod, (before) => {
        const names = (injected(before).pod.spec.initContainers ?? []).map(({ name }) => name);
        const without = names.filter((name) => name !== 'outrider');
        expect(names.indexOf('outrider')).toBe(without.findLastIndex((name) => name.endsWith('-proxy')) + 1);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves no variable to chance: what a source may set is never overruled', () => {
    fc.assert(
      fc.property(pod, (before) => {
        const { containers, initContainers = [] } = injected(before).pod.spec;
        const all = [...initContainers.filter(({ name }) => name !== 'outrider'), ...containers];
        const had = [...(before.spec.initContainers ?? []), ...before.spec.containers];
        const overruled = all.filter(({ env = [], envFrom = [] }, i) => {
          const added = env.slice(0, env.length - (had[i]?.env?.length ?? 0));
          const foreign = envFrom.filter(({ configMapRef }) => configMapRef?.name !== 'outrider-env');
          return foreign.some(({ prefix = '' }) => added.some(({ name }) => name.startsWith(prefix)));
        });
        expect(overruled).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses every value that its table refuses, naming the annotation', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(ANNOTATIONS)),
        fc.string(),
        ({ annotation, kind }, value) => {
          fc.pre(!kind.holds(value));
          const metadata = { annotations: { [annotation]: value } };
          const injection = inject(
            { metadata, spec: { containers: [{ name: 'web' }] } },
            namespace,
            settings,
          );
          expect(injection).toEqual({
            outcome: 'Refused',
            problems: [expect.stringMatching(`^annotation ${annotation} is ".*"; it must be `)],
          });
        },
      ),
    );
  });
});
