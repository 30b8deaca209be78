/** A sidecar whose one rule keeps answers, before a scripted provider. */
import type { Behaviour } from '../../../dev/providers/behaviour.ts';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import type { SidecarOptions } from '../../../sidecar/sidecar.ts';
import type { ProviderBody, RuleBody, Snapshot } from '../../../sidecar/snapshot/schema.ts';
import type { CacheBody } from '../../../sidecar/snapshot/shapes/cache.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { type Answer, callJson } from '../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';

export const CACHE: CacheBody = {
  exact: { singleFlight: true },
  ttlMs: 60_000,
  maxAnswerBytes: 1024 * 1024,
  scope: { type: 'Namespace', headers: [] },
};

export interface World {
  provider: ScriptedProvider;
  sidecar: TestSidecar;
  /** A chat completion at temperature 0. */
  ask: (text?: string, more?: object, headers?: Record<string, string>) => Promise<Answer>;
  post: (path: string, body: object, headers?: Record<string, string>) => Promise<Answer>;
  publish: (changes: {
    cache?: CacheBody;
    rule?: Partial<RuleBody>;
    provider?: Partial<ProviderBody>;
    generation?: number;
  }) => void;
  close: () => Promise<void>;
}

export interface WorldOptions {
  cache?: Partial<CacheBody> | undefined;
  rule?: Partial<RuleBody>;
  provider?: Partial<ProviderBody>;
  behaviour?: Behaviour;
  sidecar?: Partial<SidecarOptions>;
  /** Further items beside provider and route. */
  items?: Snapshot['items'];
}

const PRICES = { input: 1_000_000, output: 2_000_000 };

export async function world(options: WorldOptions = {}): Promise<World> {
  const provider = await startScriptedProvider({ behaviour: { outputTokens: 5, ...options.behaviour } });
  const items = (changes: Parameters<World['publish']>[0]): Snapshot['items'] => [
    providerItem('main', provider.url, {
      models: [{ name: 'm', upstreamName: 'm', prices: PRICES }],
      ...options.provider,
      ...changes.provider,
    }),
    {
      ...routeItem(
        'chat',
        ['*'],
        [
          rule([target('main')], {
            cache: changes.cache ?? { ...CACHE, ...options.cache },
            ...options.rule,
            ...changes.rule,
          }),
        ],
      ),
      generation: changes.generation ?? 1,
    },
    ...(options.items ?? []),
  ];
  const sidecar = await startTestSidecar(items({}), options.sidecar);
  const post: World['post'] = (path, body, headers) => callJson(`${sidecar.url}${path}`, body, headers);
  return {
    provider,
    sidecar,
    post,
    ask: (text = 'hello', more = {}, headers = {}) =>
      post(
        '/v1/chat/completions',
        { model: 'm', temperature: 0, messages: [{ role: 'user', content: text }], ...more },
        headers,
      ),
    publish: (changes) => sidecar.publish(items(changes)),
    close: async () => {
      await until(() => sidecar.memory.used === 0);
      await sidecar.close();
      await provider.close();
    },
  };
}

export const cacheOf = ({ headers }: Answer): string | undefined =>
  headers['x-outrider-cache'] as string | undefined;
