import { describe, expect, it } from 'vitest';
import { explain } from '../../../sidecar/routing/explain.ts';
import type { HeadroomView } from '../../../sidecar/routing/headroom.ts';
import { routingState } from '../../../sidecar/routing/state.ts';
import type { RuleBody } from '../../../sidecar/snapshot/schema.ts';
import { credential, facts, health, planned, provider, route, rule, table, target } from './support.ts';

/** Names of credentials, or of providers, that are used up, and until when. */
const short = (until: Record<string, number>): HeadroomView => ({
  shortage: ({ credential: key, provider: { name } }) => {
    const at = until[key?.name ?? ''] ?? until[name];
    return at === undefined ? undefined : { until: at, detail: `${key?.name ?? name} is used up` };
  },
});

const pool = provider('p', { credentials: [credential('a'), credential('b')] });
const state = (until: Record<string, number>) => routingState(short(until));

describe('headroom', () => {
  it('decides which key of a pool is taken, and which are alternates', () => {
    const body = rule('r', { targets: [target('p')] });
    expect(planned(body, [pool], { state: state({ a: 5000 }) }).order).toEqual(['p#b']);
    expect(planned(body, [pool], { state: state({}) }).order).toEqual(['p#a', 'p#b']);
  });

  it('lets a target fall with the numbers, and others take over', () => {
    const body = rule('r', { targets: [target('p'), target('q', { priority: 1 })] });
    const made = planned(body, [pool, provider('q')], { state: state({ p: 2500 }) });
    expect(made.order).toEqual(['q']);
    expect(made.considered[0]).toMatchObject({
      reason: 'RateHeadroom',
      kept: false,
      detail: 'a is used up; room in 3 s',
    });
  });

  it('says when the first target has some, and tries nothing ejected in despair', () => {
    const body = rule('r', { targets: [target('p'), target('q')] });
    const made = planned(body, [pool, provider('q')], {
      now: 1000,
      state: state({ a: 9000, b: 7000 }),
      health: health({ ejected: { q: { until: 2000 } } }),
    });
    expect(made.order).toEqual([]);
    expect(made.freeInMs).toBe(6000);
  });

  const limited = { scope: 'CredentialModel' as const, until: 20_000 };

  it.each([
    ['is short until the provider says', { ...limited, told: true }, {}, 20_000],
    ['is tried where the provider says hours', { ...limited, until: 4_000_000, told: true }, {}, undefined],
    ['is tried where nobody said until when', limited, {}, undefined],
    [
      'is waited for by those who may wait',
      limited,
      { admission: { class: 'Normal' as const, maxWaitMs: 50 } },
      20_000,
    ],
    ['is tried where something else ails', { ...limited, scope: 'Model' as const }, {}, undefined],
  ])('a key that was refused for its limit %s', (_, ejection, more, freeInMs) => {
    const body = rule('r', { targets: [target('q')], ...more });
    const made = planned(body, [provider('q')], { health: health({ ejected: { q: ejection } }) });
    expect(made.freeInMs).toBe(freeInMs);
    expect(made.reasons.q).toBe(freeInMs === undefined ? 'LastResort' : 'Ejected');
  });

  it('is asked with the class of the rule', () => {
    const asked: number[] = [];
    const view: HeadroomView = {
      shortage: (_c, _f, priority) => {
        asked.push(priority);
        return undefined;
      },
    };
    const classes = ['Critical', 'High', 'Normal', 'Low', 'Batch'] as const;
    for (const one of classes) {
      const body = rule('r', { targets: [target('q')], admission: { class: one, maxWaitMs: 0 } });
      planned(body, [provider('q')], { state: routingState(view) });
    }
    planned(rule('r', { targets: [target('q')] }), [provider('q')], { state: routingState(view) });
    expect(asked).toEqual([0, 1, 2, 3, 4, 2]);
  });
});

describe('an explanation', () => {
  const told = (body: RuleBody, until: Record<string, number>, view = health()) =>
    explain(
      table([route('r', ['*'], [body])], [pool]),
      facts(),
      view,
      0,
      () => 0,
      Buffer.from('{}'),
      state(until),
    );

  it('names the keys of a pool that are left out, and why', () => {
    const body = rule('r', { targets: [target('p')] });
    expect(told(body, {}).targets[0]?.detail).not.toContain('without key');
    expect(told(body, { a: 5000 }).targets[0]?.detail).toMatch(/; without key a: a is used up$/);
    const dead = health({ ejected: { 'p#b': { until: 3000 } } });
    expect(told(body, {}, dead).targets[0]).toMatchObject({
      kept: true,
      detail: expect.stringMatching(/; without key b: .* ejected for 3 s more$/) as string,
    });
  });

  it('says that a request would wait, and how long at most, instead of a refusal', () => {
    const body = (maxWaitMs: number) =>
      rule('r', { targets: [target('p')], admission: { class: 'High', maxWaitMs } });
    const step = (made: ReturnType<typeof told>) =>
      made.steps.find(({ what }) => what === 'admission')?.detail;
    expect(step(told(body(3000), {}))).toBe('class High, waits for room for up to 3 s');
    const waits = told(body(3000), { p: 1200 });
    expect(step(waits)).toBe(
      'class High, waits for room for up to 3 s; nothing has room now, so it would wait, and the first target has some in 1.2 s',
    );
    expect(waits).toMatchObject({ order: [], refusal: undefined });
    const not = told(body(0), { p: 1200 });
    expect(step(not)).toBe('class High, does not wait');
    expect(not.refusal).toMatchObject({ code: 'rate_limited', status: 429 });
  });
});
