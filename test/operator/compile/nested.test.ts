/** Values of any shape are stored as deep as an API server takes them, which is deeper than a stack. */
import { describe, expect, it } from 'vitest';
import type { LLMRoute } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import { projectRoute } from '../../../operator/watch/projections.ts';
import { readCase } from './case.ts';

const CASE = `
workloads: [{ namespace: shop, name: web }]
---
apiVersion: outrider.dev/v1alpha1
kind: LLMProvider
metadata: { name: p, namespace: shop }
spec: { type: OpenAI, endpoints: [{ url: http://p.example }] }
---
apiVersion: outrider.dev/v1alpha1
kind: LLMRoute
metadata: { name: fine, namespace: shop }
spec: { models: [fine], rules: [{ name: all, targets: [{ name: p, provider: { name: p }, model: m }] }] }
`;

const valueOf = (depth: number): unknown =>
  JSON.parse(`${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`);

function nested(depth: number): LLMRoute {
  const target = {
    name: 'p',
    provider: { name: 'p' },
    model: 'm',
    request: { set: [{ name: 'deep', value: valueOf(depth) }] },
  };
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMRoute',
    metadata: { name: 'nested', namespace: 'shop', generation: 1 },
    spec: { models: ['nested'], rules: [{ name: 'all', targets: [target] }] },
  };
}

function accepted(depth: number) {
  const { resources, options } = readCase(CASE);
  const { verdicts } = compile({ ...resources, routes: [...resources.routes, nested(depth)] }, options);
  return Object.fromEntries(
    [...verdicts.values()]
      .filter(({ kind }) => kind === 'LLMRoute')
      .map(({ name, conditions }) => [name, conditions.find(({ type }) => type === 'Accepted')]),
  );
}

describe('a route with a value nested', () => {
  it('as deep as people nest them is taken', () => {
    expect(accepted(40).nested).toMatchObject({ status: 'True' });
  });

  it.each([200, 3_000, 9_000])('%i deep is refused by itself, and says why', (depth) => {
    expect(accepted(depth)).toMatchObject({
      fine: { status: 'True' },
      nested: {
        status: 'False',
        reason: 'Invalid',
        message: 'spec is nested too deep: at most 100 levels are read',
      },
    });
  });

  it('deeper than the stack is followed like any other', () => {
    const [first, second] = [nested(9_000), nested(9_000)].map((each) => projectRoute(each));
    expect(projectRoute(second as LLMRoute, first).metadata.name).toBe('nested');
  });
});
