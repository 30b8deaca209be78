import { describe, expect, it } from 'vitest';
import type { LLMRoute } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import type { Workload } from '../../../operator/compile/types.ts';
import { PodBudgets } from '../../../operator/ledger/leases/pod-budgets.ts';

type Budgets = NonNullable<NonNullable<LLMRoute['spec']>['budgets']>;

const monthly = (amount: string): Budgets => [{ name: 'monthly', amount, period: { unit: 'Month' } }];

function route(namespace: string, budgets: Budgets | undefined, extra: object = {}): LLMRoute {
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMRoute',
    metadata: { namespace, name: 'assistant', uid: `${namespace}-uid`, generation: 1 },
    spec: {
      models: ['assistant'],
      rules: [{ name: 'all', targets: [{ name: 'only', provider: { name: 'open' } }] }],
      ...(budgets && { budgets }),
      ...extra,
    },
  };
}

const pod = (namespace: string): Workload => ({
  namespace,
  name: 'app',
  uid: `pod-${namespace}`,
  labels: {},
});

function world() {
  const pods = new Map(['shop', 'blog'].map((namespace) => [`pod-${namespace}`, pod(namespace)]));
  const budgets = new PodBudgets((uid) => pods.get(uid));
  const use = (...routes: LLMRoute[]) =>
    budgets.update(
      compile(
        { routes, providers: [], secrets: [], namespaces: [], pods: [...pods.values()] },
        { platformNamespaces: [], now: 0 },
      ),
    );
  return { budgets, use, pods };
}

const ID = 'route/shop/assistant/monthly';

describe('budgets that a pod may charge', () => {
  it('are those of routes it runs, in nano-USD, with every default', () => {
    const { budgets, use } = world();
    use(route('shop', monthly('250.50')));
    expect(budgets.find('pod-shop', ID)).toEqual({
      id: ID,
      amount: '250500000000',
      period: { unit: 'Month', timeZone: 'UTC' },
      key: [],
      maxKeys: 1000,
      enforcement: 'Bounded',
      onExhausted: 'Reject',
      allowUpTo: '0',
      leaseWaitMs: 200,
    });
  });

  it('are not those of others, of pods that are gone, or of no budget', () => {
    const { budgets, use, pods } = world();
    expect(budgets.find('pod-shop', ID)).toBeUndefined();
    use(route('shop', monthly('1')), route('blog', undefined));
    expect(budgets.find('pod-blog', ID)).toBeUndefined();
    expect(budgets.find('pod-shop', 'route/shop/assistant/daily')).toBeUndefined();
    pods.delete('pod-shop');
    expect(budgets.find('pod-shop', ID)).toBeUndefined();
  });

  it('have a new amount as soon as it is compiled', () => {
    const { budgets, use } = world();
    use(route('shop', monthly('1')));
    expect(budgets.find('pod-shop', ID)?.amount).toBe('1000000000');
    use(route('shop', monthly('2')));
    expect(budgets.find('pod-shop', ID)?.amount).toBe('2000000000');
    use(route('shop', undefined));
    expect(budgets.find('pod-shop', ID)).toBeUndefined();
  });

  it('stay with a route that became invalid, as sidecars go on with what they have', () => {
    const { budgets, use } = world();
    use(route('shop', monthly('3')));
    expect(budgets.find('pod-shop', ID)?.amount).toBe('3000000000');
    use(route('shop', monthly('4'), { unknown: true }));
    expect(budgets.find('pod-shop', ID)?.amount).toBe('3000000000');
  });

  it('keep a time zone that nobody knows out of snapshots', () => {
    const { budgets, use } = world();
    use(
      route('shop', [{ name: 'monthly', amount: '1', period: { unit: 'Month', timeZone: 'Mars/Olympus' } }]),
    );
    expect(budgets.find('pod-shop', ID)).toBeUndefined();
  });
});
