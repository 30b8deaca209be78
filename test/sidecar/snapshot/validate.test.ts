import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProviderItem, RouteItem } from '../../../sidecar/snapshot/schema.ts';
import { validateItem } from '../../../sidecar/snapshot/validate.ts';
import { credential, model, provider, rule, target } from '../routing/support.ts';

/** Every field of a route is there. */
const ROUTE: RouteItem = {
  kind: 'Route',
  id: 'route/shop/chat',
  generation: 3,
  state: 'Valid',
  requires: ['match.header.regex', 'match.prompt', 'passthrough', 'failover', 'patch'],
  rank: 7,
  models: ['chat', 'gpt-*', '*'],
  body: {
    namespace: 'shop',
    name: 'chat',
    uid: 'u',
    rules: [
      rule('r', {
        matches: [
          {
            headers: [{ name: 'x-a', type: 'RegularExpression', value: 'b+' }],
            paths: ['/v1/chat/completions'],
            models: ['chat'],
            prompt: { tokens: { min: 1, max: 2 }, turns: { min: 1 }, contains: ['word'], pattern: 'a+' },
            request: { tools: true, vision: false, jsonSchema: true, stream: false },
          },
        ],
        targets: [
          target('p', {
            model: 'm',
            credential: 'main',
            credentials: ['main'],
            unresolved: 'not exported',
            patch: {
              set: [{ name: 'temperature', value: 0 }],
              default: [{ name: 'seed', value: 1 }],
              remove: ['user'],
              headers: [{ name: 'x-b', value: 'c' }],
            },
          }),
        ],
        passthrough: [{ methods: ['GET'], pathPrefix: '/v1/files' }],
        forwardHeaders: ['x-trace'],
      }),
    ],
  },
};

/** Every field of a provider is there, but for the certificates. */
const PROVIDER: ProviderItem = {
  kind: 'Provider',
  id: 'provider/ns/p',
  generation: 1,
  state: 'Valid',
  requires: ['tls.caBundle'],
  body: provider('p', {
    headers: [{ name: 'x-contract', value: '7' }],
    credentials: [credential('main')],
    models: [
      model('m', {
        catalogued: true,
        variants: [{ form: 'Dated', text: 'm-' }],
        capabilities: ['Chat'],
        contextWindow: 1,
        maxOutputTokens: 1,
        prices: {
          input: 1,
          cacheRead: 1,
          audioInput: 1,
          output: 1,
          reasoning: 1,
          audioOutput: 1,
          request: 1,
        },
      }),
    ],
  }),
};

type Path = (string | number)[];
type Node = Record<string | number, unknown>;

/** Paths of all values below, containers included. */
function paths(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [
    ...(at.length > 0 ? [at] : []),
    ...Object.keys(value).flatMap((k) => paths((value as Node)[k], [...at, key(k)])),
  ];
}
const key = (k: string): string | number => (/^\d+$/.test(k) ? Number(k) : k);

/** A copy in which the value at the path is another; undefined takes it out. */
function changed<T extends object>(item: T, path: Path, value: unknown): T {
  const copy = structuredClone(item);
  const parent = path.slice(0, -1).reduce<Node>((node, part) => node[part] as Node, copy as Node);
  const last = path.at(-1) as string;
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

const route = (path: Path, value: unknown) => validateItem(changed(ROUTE, path, value));
const ofProvider = (path: Path, value: unknown) => validateItem(changed(PROVIDER, path, value));
const R: Path = ['body', 'rules', 0];
const T: Path = [...R, 'targets', 0];

describe('an item that is right', () => {
  it.each([ROUTE, PROVIDER])('passes: $kind', (item) =>
    expect(validateItem(item)).toEqual({ ok: true, item }),
  );

  it('may be Invalid with a reason and without a body', () => {
    const { body: _, ...header } = ROUTE;
    const item = { ...header, state: 'Invalid', reason: 'spec.rules is wrong' };
    expect(validateItem(item)).toEqual({ ok: true, item });
    expect(validateItem({ ...item, models: [] }).ok).toBe(true);
  });
});

/** Any JSON value may stand here. */
const FREE = /\.(set|default)\.\d+\.value$/;

describe.each([ROUTE, PROVIDER])('every field of a $kind', (item) => {
  const all = paths(item).map((path) => ({ path, name: `.${path.join('.')}` }));

  it.each(all.filter(({ name }) => !FREE.test(name)))('$name is checked for its type', ({ path }) => {
    expect(validateItem(changed(item, path, 5n))).toMatchObject({ ok: false });
  });

  it.each(all.filter(({ name }) => !FREE.test(name)))('$name has no room for unknown members', ({ path }) => {
    const there = path.reduce<unknown>((node, part) => (node as Node)[part], item);
    const container = typeof there === 'object' && !Array.isArray(there);
    const verdict = validateItem(
      changed(item, container ? [...path, 'novelty'] : path, container ? 1 : { novelty: 1 }),
    );
    expect(verdict).toMatchObject({ ok: false });
  });
});

describe('an item is refused', () => {
  it.each<[string, ReturnType<typeof validateItem>, string]>([
    ['kind', route(['kind'], 'Policy'), 'kind is "Policy"; it must be Route or Provider'],
    ['id of another kind', route(['id'], 'provider/shop/chat'), 'item.id is "provider/shop/chat"'],
    ['id of another object', route(['id'], 'route/shop/other'), 'body is of shop/chat'],
    [
      'a feature this version lacks',
      route(['requires'], ['cache.semantic']),
      'needs feature cache.semantic, which this version lacks',
    ],
    ['Valid without body', route(['body'], undefined), 'a Valid item carries a body'],
    ['Invalid with body', route(['state'], 'Invalid'), 'an Invalid item carries no body'],
    ['no models', route(['models'], []), 'a route serves at least one model'],
    ['a star inside a model', route(['models'], ['a*b']), 'item.models[0] is "a*b"'],
    ['no rules', route(['body', 'rules'], []), 'spec.rules is a list'],
    [
      'two rules of one name',
      route(['body', 'rules'], [rule('r'), rule('r')]),
      'spec.rules has rule "r" more than once',
    ],
    [
      'two targets of one name',
      route([...R, 'targets'], [target('a'), target('a')]),
      'has target "a" more than once',
    ],
    ['no targets', route([...R, 'targets'], []), 'spec.rules[0].targets is a list'],
    [
      'stateful target beyond the targets',
      route([...R, 'statefulTarget'], 1),
      'statefulTarget is 1; it must be below 1',
    ],
    ['stateful target not found', route([...R, 'statefulTarget'], -1), 'statefulTarget is -1'],
    ['provider that is no id', route([...T, 'provider'], 'vendor'), 'targets[0].provider is "vendor"'],
    ['negative weight', route([...T, 'weight'], -1), 'weight is -1; it must be an integer from 0 to 1000000'],
    ['fraction', route([...T, 'priority'], 0.5), 'priority is 0.5'],
    ['zero timeout', route([...R, 'timeouts', 'connectMs'], 0), 'connectMs is 0'],
    ['timer beyond 2^31', route([...R, 'holdMaxMs'], 2 ** 31), 'holdMaxMs is 2147483648'],
    [
      'backoff above its limit',
      route([...R, 'failover', 'backoff', 'baseMs'], 2001),
      'base is 2001ms, more than max 2000ms',
    ],
    [
      'failure twice',
      route([...R, 'failover', 'on'], ['Connect', 'Connect']),
      'has failure "Connect" more than once',
    ],
    [
      'look-ahead',
      route([...R, 'matches', 0, 'prompt', 'pattern'], 'a(?=b)'),
      'it must be an RE2 pattern: invalid or',
    ],
    [
      'back-reference',
      route([...R, 'matches', 0, 'headers', 0, 'value'], '(a)\\1'),
      'it must be an RE2 pattern',
    ],
    [
      'keyword in capitals',
      route([...R, 'matches', 0, 'prompt', 'contains'], ['Word']),
      'it must be lower-case',
    ],
    [
      'min above max',
      route([...R, 'matches', 0, 'prompt', 'tokens'], { min: 3, max: 2 }),
      'min is 3, more than max 2',
    ],
    ['range without bounds', route([...R, 'matches', 0, 'prompt', 'turns'], {}), 'needs min or max'],
    ['patch of the model', route([...T, 'patch', 'set', 0, 'name'], 'model'), 'name is "model"'],
    [
      'member set and removed',
      route([...T, 'patch', 'remove'], ['temperature']),
      'has member "temperature" more than once',
    ],
    [
      'a credential as a header',
      route([...T, 'patch', 'headers', 0, 'name'], 'Authorization'),
      'name is "Authorization"',
    ],
    [
      'a forwarded credential',
      route([...R, 'forwardHeaders'], ['x-api-key']),
      'forwardHeaders[0] is "x-api-key"',
    ],
    ['a forwarded name in capitals', route([...R, 'forwardHeaders'], ['X-Trace']), 'it must be lower-case'],
    [
      'organisation paths',
      route([...R, 'passthrough', 0, 'pathPrefix'], '/v1/organization'),
      'never passed through',
    ],
    [
      'dots in a prefix',
      route([...R, 'passthrough', 0, 'pathPrefix'], '/v1/../x'),
      'without empty, "." or ".." segments',
    ],
    ['URL with a key in it', ofProvider(['body', 'url'], 'https://user:key@host/v1'), 'spec.url must be'],
    ['URL with a query', ofProvider(['body', 'url'], 'https://host/v1?key=1'), 'spec.url must be'],
    ['URL with a trailing slash', ofProvider(['body', 'url'], 'https://host/v1/'), 'spec.url is'],
    ['URL of another scheme', ofProvider(['body', 'url'], 'file:///etc/passwd'), 'spec.url is'],
    [
      'credential of another provider',
      ofProvider(['body', 'credentials', 0, 'id'], 'ns/other/main'),
      'credential main id is',
    ],
    [
      'two models of one name',
      ofProvider(['body', 'models'], [model('m'), model('m')]),
      'has model "m" more than once',
    ],
    [
      'a price that is no integer',
      ofProvider(['body', 'models', 0, 'prices', 'input'], 0.5),
      'prices.input is 0.5',
    ],
    [
      'a price beyond exact integers',
      ofProvider(['body', 'models', 0, 'prices', 'request'], 2 ** 53),
      'prices.request is',
    ],
    [
      'input without output price',
      ofProvider(['body', 'models', 0, 'prices', 'output'], undefined),
      'prices.output is missing',
    ],
    [
      'ejection beyond its limit',
      ofProvider(['body', 'passive', 'ejectionMs'], 120_001),
      'more than maxEjectionTime 120000ms',
    ],
    ['no certificate', ofProvider(['body', 'caBundle'], 'hello'), 'spec.caBundle holds no PEM certificate'],
  ])('for: %s', (_, verdict, reason) => {
    expect(verdict).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });

  it('without repeating what may be a key', () => {
    const verdicts = [
      ofProvider(['body', 'url'], 'https://user:sk-secret@host/v1'),
      ofProvider(['body', 'url'], 'https://host/v1?key=sk-secret'),
      ofProvider(['body', 'headers', 0, 'value'], 'sk-secret\n'),
      route([...T, 'patch', 'headers', 0, 'value'], 'sk-secret\n'),
    ];
    for (const verdict of verdicts) {
      expect(verdict.ok).toBe(false);
      expect(JSON.stringify(verdict)).not.toContain('sk-secret');
    }
  });

  it('rather than throwing, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(validateItem(value).ok).toBe(false);
      }),
    );
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect(route([...T, 'patch', 'set', 0, 'value'], cycle)).toMatchObject({ ok: false });
  });
});
