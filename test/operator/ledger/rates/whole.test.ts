import { afterEach, expect, it } from 'vitest';
import { type App, Stage } from '../../budgets/stage.ts';
import { until } from '../../support/manual-clock.ts';

let stage: Stage | undefined;
afterEach(async () => {
  await stage?.close();
  stage = undefined;
});

const policy = (requests: number) => ({
  apiVersion: 'outrider.dev/v1alpha1',
  kind: 'LLMPolicy',
  metadata: { name: 'ceiling', namespace: 'platform' },
  spec: {
    namespaceSelector: {},
    overrides: { rateLimits: [{ name: 'hourly', requests, per: 'Hour', key: [{ by: 'Namespace' }] }] },
  },
});

/** Asks until it is refused `refusals` times; how often it was answered. */
async function drain(app: App, refusals = 3): Promise<number> {
  let answered = 0;
  for (let refused = 0; refused < refusals; ) {
    const { status, code } = await app.ask();
    if (status === 200) answered++;
    else if (code === 'rate_limit_exceeded') refused++;
    else throw new Error(`refused as ${code}`);
    if (answered > 200) break;
  }
  return answered;
}

it('a limit of a policy holds over the pods of a namespace, which share it by what they ask', async () => {
  stage = await Stage.open(['shop', 'lab']);
  await stage.cluster.create(policy(60));
  const operator = await stage.operator();
  const apps = await Promise.all([
    stage.app(operator, 'shop', 'a'),
    stage.app(operator, 'shop', 'b'),
    stage.app(operator, 'lab', 'c'),
  ]);
  const [a, b, c] = apps;
  await until(
    () => apps.every(({ sidecar }) => sidecar.holder.effective?.routes[0]?.body?.rules[0]?.rateLimits),
    'the limit',
  );
  const first = await drain(a);
  // Nearly all of it, and by far more than a third.
  expect(first).toBeGreaterThanOrEqual(50);
  const second = await drain(b);
  expect(first + second).toBeLessThanOrEqual(60);
  // Another namespace has the limit for itself.
  expect(await drain(c)).toBeGreaterThanOrEqual(50);
});
