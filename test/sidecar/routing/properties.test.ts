import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchRule } from '../../../sidecar/routing/match-rule.ts';
import type { Ejection } from '../../../sidecar/routing/plan.ts';
import { refusal } from '../../../sidecar/routing/refusal.ts';
import type { Capability } from '../../../sidecar/snapshot/schema.ts';
import {
  credential,
  facts,
  health,
  model,
  planned,
  provider,
  route,
  rule,
  table,
  target,
} from './support.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const some = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;

const providers = fc.tuple(
  ...NAMES.map((name) =>
    fc
      .record({
        openModels: fc.boolean(),
        credentials: fc.uniqueArray(fc.constantFrom('k', 'l', 'm'), { maxLength: 3 }),
        weights: fc.array(fc.nat(3), { minLength: 3, maxLength: 3 }),
        capabilities: maybe(
          fc.subarray<Capability>(['Chat', 'Tools', 'Vision', 'JSONSchema', 'Embeddings'], { minLength: 1 }),
        ),
        contextWindow: maybe(fc.integer({ min: 1, max: 4000 })),
        maxOutputTokens: maybe(fc.integer({ min: 1, max: 4000 })),
      })
      .map(({ openModels, credentials, weights, ...over }) =>
        provider(name, {
          openModels,
          credentials: credentials.map((k, i) =>
            credential(k, { id: `${name}/${k}`, weight: weights[i] ?? 1 }),
          ),
          models: [model('m', some(over))],
        }),
      ),
  ),
);

const rules = fc
  .record({
    targets: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...NAMES, 'gone'),
        weight: fc.nat(3),
        priority: fc.nat(2),
        model: maybe(fc.constantFrom('m', 'x')),
        credential: maybe(fc.constantFrom('k', 'l', 'z')),
        credentials: maybe(fc.subarray(['k', 'l'])),
        unresolved: maybe(fc.constant('not granted')),
      }),
      { minLength: 1, selector: (t) => t.name },
    ),
    strategy: fc.constantFrom({ type: 'Weighted' as const }, { type: 'RoundRobin' as const }),
    stateful: fc.nat(),
    maxAttempts: fc.integer({ min: 1, max: 10 }),
  })
  .map(({ targets, strategy, stateful, maxAttempts }) =>
    rule('r', {
      targets: targets.map(({ name, ...over }) => target(name, some(over))),
      strategy,
      statefulTarget: stateful % targets.length,
      failover: { on: ['Connect'], maxAttempts, backoff: { baseMs: 0, maxMs: 0 } },
    }),
  );

const requests = fc
  .record({
    askedModel: maybe(fc.constantFrom('m', 'x')),
    inputTokens: fc.nat(6000),
    maxOutputTokens: maybe(fc.nat(6000)),
    tools: fc.boolean(),
    vision: fc.boolean(),
    jsonSchema: fc.boolean(),
    pinned: fc.boolean(),
    unread: fc.boolean(),
  })
  .map((over) => facts({ ...over, inputTokensLowerBound: Math.floor(over.inputTokens / 2) }));

const ejection: fc.Arbitrary<Ejection> = fc.record({
  scope: fc.constantFrom('Credential', 'CredentialModel', 'Model', 'Endpoint'),
  until: fc.nat(1000),
  probing: fc.boolean(),
});
const healths = fc
  .record({
    ejected: fc.dictionary(fc.constantFrom(...NAMES, 'a#k', 'b#l', 'c#k'), ejection),
    missing: fc.subarray(NAMES.flatMap((name) => ['k', 'l', 'm'].map((k) => `${name}/${k}`))),
  })
  .map(health);

const chance = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 });

describe('a plan, whatever it is made of', () => {
  it('considers every target once, and either has candidates or says why not', () => {
    fc.assert(
      fc.property(rules, providers, requests, healths, chance, (body, list, request, state, random) => {
        const made = planned(body, list, { facts: request, health: state, random });
        expect(made.considered.map((c) => c.target)).toEqual(body.targets.map((t) => t.name));
        for (const { detail } of made.considered) expect(detail).not.toBe('');
        const kept = made.considered.filter((c) => c.kept).map((c) => c.target);
        expect(new Set(kept)).toEqual(new Set(made.candidates.map((c) => c.target.name)));
        const [one] = table([route('r', ['*'], [body])]).routes;
        const error = one && refusal(one, made, request);
        expect(error === undefined).toBe(made.candidates.length > 0);
        expect(made.candidates.length).toBeLessThanOrEqual(32);
      }),
    );
  });

  it('tries nothing that configuration forbids', () => {
    fc.assert(
      fc.property(rules, providers, requests, healths, chance, (body, list, request, state, random) => {
        const made = planned(body, list, { facts: request, health: state, random });
        for (const candidate of made.candidates) {
          const { target: t, credential: key, provider: p } = candidate;
          expect(t.unresolved).toBeUndefined();
          expect(t.weight > 0 || request.pinned).toBe(true);
          expect(key === undefined).toBe(p.credentials.length === 0 && t.credential === undefined);
          if (!key) continue;
          expect(state.hasCredential(key.id)).toBe(true);
          expect(t.credentials?.includes(key.name) ?? true).toBe(true);
          expect(t.credential ?? key.name).toBe(key.name);
        }
        const pairs = made.candidates.map((c) => `${c.index}#${c.credential?.id}`);
        expect(new Set(pairs).size).toBe(pairs.length);
      }),
    );
  });

  it('puts no ejected candidate before a healthy one', () => {
    fc.assert(
      fc.property(rules, providers, requests, healths, chance, (body, list, request, state, random) => {
        const made = planned(body, list, { facts: { ...request, pinned: false }, health: state, random });
        const ejected = made.candidates.map((c) => state.ejection(c, 0) !== undefined);
        const largest = made.considered.some((c) => c.detail.includes('largest window'));
        expect(largest || !ejected.includes(true) || !ejected.includes(false)).toBe(true);
      }),
    );
  });

  it('keeps lower priority numbers in front among what surely fits', () => {
    fc.assert(
      fc.property(rules, providers, requests, healths, chance, (body, list, request, state, random) => {
        const made = planned(body, list, { facts: { ...request, pinned: false }, health: state, random });
        const sure = new Set(['Selected', 'Alternate', 'OtherPriority']);
        const seen = new Set<number>();
        const primaries = made.candidates.filter((c) => {
          if (seen.has(c.index) || !sure.has(made.considered[c.index]?.reason ?? '')) return false;
          return seen.add(c.index);
        });
        const priorities = primaries.map((c) => c.target.priority);
        expect(priorities).toEqual(priorities.toSorted((a, b) => a - b));
      }),
    );
  });
});

describe('matching, whatever the request', () => {
  it('takes a rule or says that none matched', () => {
    const [made] = table([
      route('r', ['*'], [rule('r', { matches: [{ prompt: { contains: ['x'], pattern: 'y+' } }] })]),
    ]).routes;
    fc.assert(
      fc.property(requests, fc.array(fc.string()), (request, texts) => {
        const matched = made && matchRule(made, { ...request, userText: () => texts });
        expect((matched?.rule === undefined) !== (matched?.error === undefined)).toBe(true);
      }),
    );
  });
});
