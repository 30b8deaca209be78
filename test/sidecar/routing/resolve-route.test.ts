import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutriderError } from '../../../errors/table.ts';
import { resolveRoute } from '../../../sidecar/routing/resolve-route.ts';
import { route, rule, table } from './support.ts';

const asked = (made: ReturnType<typeof table> | undefined, model: string | undefined) => {
  const resolved = resolveRoute(made, model);
  return resolved instanceof OutriderError
    ? { error: resolved.code, message: resolved.message }
    : { route: resolved.route.key, pattern: resolved.pattern };
};

describe('the route of an asked model', () => {
  const made = table([
    route('star', ['*'], [rule('r')], 0),
    route('short', ['gpt-*'], [rule('r')], 1),
    route('long', ['gpt-5*'], [rule('r')], 2),
    route('exact', ['gpt-5-mini', 'own'], [rule('r')], 3),
    route('late', ['gpt-5-mini', 'gpt-*'], [rule('r')], 4),
  ]);

  it.each([
    ['gpt-5-mini', 'ns/exact', 'gpt-5-mini'],
    ['gpt-5', 'ns/long', 'gpt-5*'],
    ['gpt-4o', 'ns/short', 'gpt-*'],
    ['gpt-', 'ns/short', 'gpt-*'],
    ['gpt', 'ns/star', '*'],
    ['', 'ns/star', '*'],
    ['own', 'ns/exact', 'own'],
  ])('%s goes to %s by %s, whatever the rank of less specific ones', (model, route, pattern) => {
    expect(asked(made, model)).toEqual({ route, pattern });
  });

  it('goes by rank where patterns are the same, then by name', () => {
    const ranked = table([
      route('b', ['m'], [rule('r')], 7),
      route('a', ['m', 'n'], [rule('r')], 7),
      route('c', ['n'], [rule('r')], 6),
    ]);
    expect(asked(ranked, 'm')).toMatchObject({ route: 'ns/a' });
    expect(asked(ranked, 'n')).toMatchObject({ route: 'ns/c' });
  });

  it('agrees with a look at every pattern of every route', () => {
    const patterns = fc.uniqueArray(fc.constantFrom('a', 'ab', 'abc', '*', 'a*', 'ab*', 'b*'), {
      minLength: 1,
    });
    const routes = fc.uniqueArray(
      fc.record({ name: fc.constantFrom('r', 's', 't', 'u'), patterns, rank: fc.nat(2) }),
      {
        selector: (r) => r.name,
      },
    );
    fc.assert(
      fc.property(routes, fc.constantFrom('a', 'ab', 'abc', 'abd', 'b', 'c', ''), (list, model) => {
        const all = list.flatMap(({ name, patterns, rank }) =>
          patterns
            .filter((p) => (p.endsWith('*') ? model.startsWith(p.slice(0, -1)) : model === p))
            .map((pattern) => ({ name, pattern, rank, length: pattern.endsWith('*') ? pattern.length : 99 })),
        );
        all.sort((x, y) => y.length - x.length || x.rank - y.rank || (x.name < y.name ? -1 : 1));
        const made = table(list.map(({ name, patterns, rank }) => route(name, patterns, [rule('r')], rank)));
        const [best] = all;
        expect(asked(made, model)).toMatchObject(
          best ? { route: `ns/${best.name}`, pattern: best.pattern } : { error: 'no_route' },
        );
      }),
    );
  });
});

describe('a request that no route answers', () => {
  it('is told what is served', () => {
    const made = table([route('a', ['chat', 'gpt-*'], [rule('r')])]);
    expect(asked(made, 'claude')).toEqual({
      error: 'no_route',
      message: 'no route serves model "claude" here; served are chat, gpt-*',
    });
    expect(asked(table([]), 'claude')).toMatchObject({
      message: expect.stringContaining('no route is for this pod'),
    });
  });

  it('is told of ten names at most', () => {
    const names = Array.from({ length: 30 }, (_, i) => `m${i}`);
    const { message } = asked(table([route('a', names, [rule('r')])]), 'claude');
    expect(message).toContain('m9 and 20 more');
  });

  it('is told to come back while nothing is configured', () => {
    const error = resolveRoute(undefined, 'm');
    expect(error).toMatchObject({ code: 'config_unavailable', status: 503, retryAfterMs: 1000 });
  });

  it('does not fall through an invalid route to the next one', () => {
    const invalid = { ...route('bad', ['m'], [], 0), body: undefined, reason: 'spec.rules is wrong' };
    const made = table([invalid, route('good', ['m', '*'], [rule('r')], 1)]);
    expect(asked(made, 'm')).toEqual({
      error: 'route_invalid',
      message: 'route ns/bad is invalid and has no earlier version here: spec.rules is wrong',
    });
    expect(asked(made, 'other')).toMatchObject({ route: 'ns/good' });
  });
});

describe('a request without a model', () => {
  it('goes to the only route there is', () => {
    expect(asked(table([route('a', ['chat'], [rule('r')])]), undefined)).toEqual({
      route: 'ns/a',
      pattern: 'chat',
    });
  });

  it('is told the routes it could mean', () => {
    const made = table([route('a', ['x'], [rule('r')]), route('b', ['y'], [rule('r')])]);
    expect(asked(made, undefined)).toEqual({
      error: 'model_ambiguous',
      message: 'the request names no model and routes ns/a, ns/b could serve it; name a model',
    });
  });
});
