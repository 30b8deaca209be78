import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../crds/common.ts';
import { dropNulls } from '../../crds/nulls.ts';
import { formatPath, validateObject } from '../../crds/validate.ts';

const route = (spec: unknown, metadata: unknown = { name: 'r', namespace: 'n' }) => ({
  apiVersion: 'outrider.dev/v1alpha1',
  kind: 'LLMRoute',
  metadata,
  spec,
});
const rule = (extra: object = {}, target: object = {}) => ({
  name: 'all',
  targets: [{ name: 't', provider: { name: 'p' }, ...target }],
  ...extra,
});
const told = (object: unknown) => validateObject(object).map(({ path, message }) => `${path}: ${message}`);

describe('a problem says whose it is, where, what stands there and what would be right', () => {
  test('schema', () => {
    expect(validateObject(route({ models: ['a'], rules: [rule({}, { weight: -1 })] }))).toEqual([
      {
        source: 'Schema',
        kind: 'LLMRoute',
        namespace: 'n',
        name: 'r',
        path: 'spec.rules[0].targets[0].weight',
        value: -1,
        message: 'must be a whole number from 0 to 1000000',
        expected: 'a whole number from 0 to 1000000',
      },
    ]);
  });

  test('rule: the value is that of the field the rule names', () => {
    const [problem] = validateObject(route({ models: ['a'], rules: [rule({ statefulTarget: 'other' })] }));
    expect(problem).toMatchObject({
      source: 'Rule',
      path: 'spec.rules[0].statefulTarget',
      value: 'other',
      message: 'statefulTarget must name a target of this rule',
    });
  });

  test('pattern: the value is the pattern, the message has the words of the engine', () => {
    const matches = [{ headers: [{ name: 'x', type: 'RegularExpression', value: '(' }] }];
    const [problem] = validateObject(route({ models: ['a'], rules: [rule({ matches })] }));
    expect(problem).toMatchObject({
      source: 'Pattern',
      path: 'spec.rules[0].matches[0].headers[0].value',
      value: '(',
      message: expect.stringContaining('missing closing )'),
      expected: 'must be an RE2 pattern; back-references and look-around are not supported',
    });
  });

  test('a pattern that is compared literally is no pattern', () => {
    const matches = [{ headers: [{ name: 'x', value: '(' }] }];
    expect(told(route({ models: ['a'], rules: [rule({ matches })] }))).toEqual([]);
  });
});

describe('misspelt words', () => {
  test.each([
    [rule({ failovr: {} }), 'spec.rules[0].failovr: unknown field; did you mean failover?'],
    [
      rule({ timeouts: { firsttoken: '1s' } }),
      'spec.rules[0].timeouts.firsttoken: unknown field; did you mean firstToken?',
    ],
    [
      rule({ strategy: { type: 'roundrobin' } }),
      'spec.rules[0].strategy.type: must be one of Weighted, RoundRobin, LeastRequests, Latency, Throughput, Cost, Quality, Hybrid, Adaptive, Layered; did you mean RoundRobin?',
    ],
    [
      rule({ strategy: { type: 'Cheapest' } }),
      'spec.rules[0].strategy.type: must be one of Weighted, RoundRobin, LeastRequests, Latency, Throughput, Cost, Quality, Hybrid, Adaptive, Layered',
    ],
    [
      rule({ commit: { maximumTimeToHoldTheStream: '5s' } }),
      'spec.rules[0].commit.maximumTimeToHoldTheStream: unknown field; fields here are holdMax',
    ],
  ])('%j', (one, message) => {
    expect(told(route({ models: ['a'], rules: [one] }))).toEqual([message]);
  });
});

describe('one mistake is told once', () => {
  test('a misspelt field does not also break the rule that misses it', () => {
    const provider = {
      apiVersion: 'outrider.dev/v1alpha1',
      kind: 'LLMProvider',
      metadata: { name: 'p' },
      spec: {
        type: 'OpenAI',
        credentials: [{ name: 'a', type: 'APIKey', secretRf: { name: 's', key: 'k' } }],
      },
    };
    expect(told(provider)).toEqual(['spec.credentials[0].secretRf: unknown field; did you mean secretRef?']);
  });

  test('rules of sound parts are still asked', () => {
    const rules = [rule({ timeouts: { connect: '0s' } }, { weight: -1 }), { ...rule(), name: 'all' }];
    expect(told(route({ models: ['a'], rules }))).toEqual([
      'spec.rules[0].targets[0].weight: must be a whole number from 0 to 1000000',
      'spec.rules[0].timeouts.connect: must be longer than zero',
      'spec.rules: rule names must be unique within a route',
    ]);
  });
});

describe('what stands around the spec', () => {
  test.each<[string, unknown, string[]]>([
    ['no object', 'text', [': must be a Kubernetes object']],
    ['nothing', undefined, [': must be a Kubernetes object']],
    [
      'an empty object',
      {},
      [
        'apiVersion: is required: a non-empty string',
        'kind: is required: a non-empty string',
        'metadata: is required: an object with name',
      ],
    ],
    ['no name', route({ models: ['a'], rules: [rule()] }, {}), ['metadata.name: is required: a name']],
    ['a generated name', route({ models: ['a'], rules: [rule()] }, { generateName: 'r-' }), []],
    [
      'no metadata',
      { ...route({ models: ['a'], rules: [rule()] }), metadata: undefined },
      [expect.stringMatching(/^metadata: is required/)],
    ],
    [
      'an object read back from a cluster',
      route(
        { models: ['a'], rules: [rule()] },
        {
          name: 'r',
          uid: 'u',
          generation: 2,
          managedFields: [{}],
          resourceVersion: '5',
          creationTimestamp: null,
        },
      ),
      [],
    ],
    [
      'a bad key of a label',
      route({ models: ['a'], rules: [rule()] }, { name: 'r', labels: { 'a b': 'c' } }),
      [expect.stringMatching(/^metadata\.labels\["a b"\]: the key must be a label key/)],
    ],
    [
      'a bad selector key',
      route({ models: ['a'], workloadSelector: { matchLabels: { 'a b': 'c' } }, rules: [rule()] }),
      [expect.stringMatching(/^spec\.workloadSelector\.matchLabels\["a b"\]: the key must be a label key/)],
    ],
    [
      'a status',
      {
        ...route({ models: ['a'], rules: [rule()] }),
        status: { proxies: { expected: -1, connected: 0, programmed: 0, stale: 0, rejectedCount: 0 } },
      },
      ['status.proxies.expected: must be a whole number of at least 0'],
    ],
    [
      'a group of its own without a version',
      { apiVersion: 'outrider.dev', kind: 'LLMRoute' },
      ['apiVersion: must be outrider.dev/v1alpha1'],
    ],
  ])('%s', (_, object, problems) => {
    expect(told(object)).toEqual(problems);
  });
});

describe('objects of Kubernetes itself pass', () => {
  test.each<[string, unknown, string[]]>([
    [
      'a Deployment',
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { anything: 1 } },
      [],
    ],
    [
      'a Secret',
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's' },
        stringData: { a: 'b' },
        data: { c: 'ZA==' },
      },
      [],
    ],
    [
      'a nameless ConfigMap',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} },
      ['metadata.name: is required: a name'],
    ],
    [
      'labels that are no strings',
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n', labels: { a: 1 } } },
      ['metadata.labels.a: must be a string: put it in quotes'],
    ],
    [
      'data that are a list',
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: ['a'] },
      ['data: must be a map of strings'],
    ],
    [
      'a name that is a number',
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 5 } },
      ['metadata.name: must be a non-empty string'],
    ],
  ])('%s', (_, object, problems) => {
    expect(told(object)).toEqual(problems);
  });

  test('and the value of a Secret is never told', () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      stringData: { key: 123_456_789 },
    };
    const problems = validateObject(secret);
    expect(problems).toHaveLength(1);
    expect(JSON.stringify(problems)).not.toContain('123456789');
  });
});

describe('nulls', () => {
  const withNulls = route({
    models: ['a'],
    workloadSelector: null,
    rules: [rule({ matches: null }, { weight: null, request: { set: [{ name: 'user', value: null }] } })],
  }) as unknown as KubeObject;

  test('unset a field, but stay where any value may stand', () => {
    expect(told(withNulls)).toEqual([]);
    expect(dropNulls(withNulls).spec).toEqual({
      models: ['a'],
      rules: [rule({}, { request: { set: [{ name: 'user', value: null }] } })],
    });
  });

  test('do not unset what is required', () => {
    expect(told(route({ models: null, rules: [rule()] }))).toEqual([
      'spec.models: is required: a list of 1 to 64 items',
    ]);
  });

  test('an object without them is the same object', () => {
    const object = route({ models: ['a'], rules: [rule()] });
    expect(dropNulls(object)).toBe(object);
    expect(dropNulls('text')).toBe('text');
  });
});

test('paths quote what is no plain word', () => {
  expect(formatPath(['spec', 'rules', 0, 'name'])).toBe('spec.rules[0].name');
  expect(formatPath(['metadata', 'labels', 'a.b/c"d'])).toBe('metadata.labels["a.b/c\\"d"]');
  expect(formatPath([])).toBe('');
});
