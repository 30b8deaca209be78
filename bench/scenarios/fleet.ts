/**
 * What one pod found out, a fresh one knows: the first choice takes requests and says nothing, three sidecars of an operator
 * have seen it, and a fourth starts. Beside it one that starts without an operator.
 */
import { providerItem, routeItem, rule, target } from '../../test/sidecar/support/configuration.ts';
import { type Manifest, type OpenControlPlane, openControlPlane } from '../dataplane/control-plane.ts';
import { quantile } from '../dataplane/statistics.ts';
import type { Sample } from './load.ts';
import type { ProviderScript } from './provider-script.ts';
import {
  type Figure,
  failures,
  ms,
  type Providers,
  pause,
  percent,
  type RunningSidecar,
  type Scenario,
  type Stage,
} from './scenario.ts';

const WELL: ProviderScript = { firstTokenMs: 50, tokens: 3, tokenMs: 0 };
/** A silent target costs a request so much before the next one is asked. */
const FIRST_TOKEN_MS = 2000;
const PODS = 3;
const SEEN_MS = 12_000;
const FIRST_REQUESTS = 20;
const PER_SECOND = 2;
/** Down has to hold for ten seconds unless it is the first word, well for thirty; reports come every 24 s at most. */
const DOWN_MS = 45_000;
const WELL_MS = 100_000;

export const FLEET: Scenario = {
  name: 'fleet',
  about:
    'the first choice is silent, three pods know it: what the first requests of a fresh pod meet, with and without their word',
  async run(stage): Promise<Figure[]> {
    const providers = await stage.providers({ a: WELL, b: WELL });
    const plane = await openControlPlane([manifest('a', providers), manifest('b', providers), ROUTE]);
    try {
      return await told(stage, providers, plane);
    } finally {
      await plane.stop();
    }
  },
};

async function told(stage: Stage, providers: Providers, plane: OpenControlPlane): Promise<Figure[]> {
  const pods = await Promise.all(Array.from({ length: PODS }, (_, i) => stage.follower(plane, `pod-${i}`)));
  const load = { perSecond: 5, durationMs: 5000 };
  await Promise.all(pods.map((pod) => pod.drive(load)));
  await providers.set('a', { ...WELL, fault: 'Blackhole' });
  stage.note('a takes requests and says nothing');
  const downAt = performance.now();
  const seen = Promise.all(pods.map((pod) => pod.drive({ ...load, durationMs: SEEN_MS })));
  const saidDownMs = await conditionAfter(plane, 'False', downAt, DOWN_MS);
  await seen;
  const withWord = await fresh(await stage.follower(plane, 'fresh'), providers);
  const without = await fresh(await stage.sidecar(items(providers)), providers);
  await providers.set('a', WELL);
  const upAt = performance.now();
  const back = Promise.all(pods.map((pod) => pod.drive({ ...load, durationMs: WELL_MS })));
  const saidUpMs = await conditionAfter(plane, 'True', upAt, WELL_MS);
  const last = (await back).flatMap((samples) => samples.filter(({ at }) => at > WELL_MS - 5000));
  const shareBack = last.filter((sample) => sample.target === 'a').length / Math.max(1, last.length);
  return [
    figure('with the word of the others: first requests that met the silent one', withWord, 0.1),
    figure('without', without),
    { what: 'with: p50 to the first content', value: ms(quantile(times(withWord.samples), 0.5)) },
    { what: 'without: p50 to the first content', value: ms(quantile(times(without.samples), 0.5)) },
    {
      what: 'with: requests that failed',
      value: failures(withWord.samples).said,
      bar: '0',
      met: failures(withWord.samples).count === 0,
    },
    condition('Healthy is False after', saidDownMs, DOWN_MS),
    condition('Healthy is True again after', saidUpMs, WELL_MS),
    {
      what: 'share of the three pods back at the first choice',
      value: percent(shareBack),
      bar: '>= 95 %',
      met: shareBack >= 0.95,
    },
  ];
}

interface Fresh {
  samples: Sample[];
  /** Requests that the silent provider took. */
  met: number;
}

async function fresh(sidecar: RunningSidecar, providers: Providers): Promise<Fresh> {
  const asked = async () => (await providers.counts())['a']?.requests ?? 0;
  const before = await asked();
  // Its first report is on its way as soon as its configuration is here.
  await pause(1000);
  const samples = await sidecar.drive({
    perSecond: PER_SECOND,
    durationMs: (FIRST_REQUESTS / PER_SECOND) * 1000,
  });
  return { samples, met: (await asked()) - before };
}

const times = (samples: readonly Sample[]): number[] => samples.map(({ firstMs }) => firstMs);

function figure(what: string, { met, samples }: Fresh, most?: number): Figure {
  const value = `${met} of ${samples.length}`;
  if (most === undefined) return { what, value };
  return { what, value, bar: `<= ${percent(most)}`, met: met / samples.length <= most };
}

const condition = (what: string, took: number | undefined, most: number): Figure => ({
  what,
  value: took === undefined ? 'never' : ms(took),
  bar: `<= ${ms(most)}`,
  met: took !== undefined,
});

/** Milliseconds until the provider's condition Healthy has that status; undefined: too long. */
async function conditionAfter(
  { url }: OpenControlPlane,
  status: string,
  since: number,
  most: number,
): Promise<number | undefined> {
  while (performance.now() - since < most) {
    const answer = await fetch(`${url}/apis/outrider.dev/v1alpha1/namespaces/demo/llmproviders/a`);
    const found = (await answer.json()) as {
      status?: { conditions?: { type: string; status: string }[] };
    };
    const healthy = found.status?.conditions?.find(({ type }) => type === 'Healthy');
    if (healthy?.status === status) return performance.now() - since;
    await pause(100);
  }
  return undefined;
}

const manifest = (name: string, { urls }: Providers): Manifest =>
  ({
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMProvider',
    metadata: { name, namespace: 'demo' },
    spec: {
      type: 'OpenAICompatible',
      endpoint: { url: urls[name] },
      credentials: [{ name: 'main', type: 'APIKey', secretRef: { name: 'keys', key: 'key' } }],
      models: [{ name: 'm' }],
    },
  }) as Manifest;

const ROUTE = {
  apiVersion: 'outrider.dev/v1alpha1',
  kind: 'LLMRoute',
  metadata: { name: 'r', namespace: 'demo' },
  spec: {
    models: ['m'],
    rules: [
      {
        name: 'all',
        timeouts: { firstToken: '2s' },
        targets: [
          { name: 'a', provider: { name: 'a' }, model: 'm' },
          { name: 'b', provider: { name: 'b' }, model: 'm', priority: 1 },
        ],
      },
    ],
  },
} as Manifest;

/** The same, for a sidecar that nobody tells anything. */
function items({ urls }: Providers) {
  const own = rule([target('a', { model: 'm' }), target('b', { model: 'm', priority: 1 })]);
  own.timeouts = { ...own.timeouts, firstTokenMs: FIRST_TOKEN_MS };
  const models = [{ name: 'm', upstreamName: 'm' }];
  return [
    providerItem('a', urls['a'] ?? '', { models }),
    providerItem('b', urls['b'] ?? '', { models }),
    routeItem('r', ['m'], [own]),
  ];
}
