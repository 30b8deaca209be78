/** Small ways to write tables, facts and health down in tests. */

import { plan } from '../../../sidecar/routing/make-plan.ts';
import type { Candidate, Ejection, HealthView, RequestFacts } from '../../../sidecar/routing/plan.ts';
import { type RoutingState, routingState } from '../../../sidecar/routing/state.ts';
import { buildTable, type RoutingTable, type TableRule } from '../../../sidecar/routing/table.ts';
import type { EffectiveProvider, EffectiveRoute } from '../../../sidecar/snapshot/effective.ts';
import type {
  CredentialBody,
  ModelBody,
  ProviderBody,
  RuleBody,
  TargetBody,
} from '../../../sidecar/snapshot/schema.ts';

export const credential = (name: string, over: Partial<CredentialBody> = {}): CredentialBody => ({
  name,
  id: `ns/p/${name}`,
  type: 'APIKey',
  weight: 1,
  ...over,
});

export const model = (name: string, over: Partial<ModelBody> = {}): ModelBody => ({
  name,
  upstreamName: name,
  ...over,
});

/** An open server that takes any name, unless told otherwise. */
export function provider(name: string, over: Partial<ProviderBody> = {}): ProviderBody {
  return {
    namespace: 'ns',
    name,
    type: 'OpenAICompatible',
    url: `http://${name}.example/v1`,
    headers: [],
    credentials: [],
    models: [],
    openModels: true,
    streamUsage: 'OnRequest',
    passive: { consecutiveErrors: 5, ejectionMs: 5000, maxEjectionMs: 120_000 },
    ...over,
  };
}

/** Named after its provider. */
export const target = (name: string, over: Partial<TargetBody> = {}): TargetBody => ({
  name,
  provider: `provider/ns/${name}`,
  weight: 1,
  priority: 0,
  patch: { set: [], default: [], remove: [], headers: [] },
  ...over,
});

export function rule(name: string, over: Partial<RuleBody> = {}): RuleBody {
  return {
    name,
    matches: [],
    strategy: { type: 'Weighted' },
    targets: [target('p')],
    failover: { on: ['Connect'], maxAttempts: 3, backoff: { baseMs: 100, maxMs: 2000 } },
    timeouts: {
      connectMs: 3000,
      firstTokenMs: 60_000,
      interTokenMs: 60_000,
      attemptMs: 600_000,
      requestMs: 900_000,
      clientStallMs: 300_000,
    },
    holdMaxMs: 5000,
    passthrough: [],
    statefulTarget: 0,
    forwardHeaders: [],
    ...over,
  };
}

export function route(name: string, models: string[], rules: RuleBody[], rank = 0): EffectiveRoute {
  const body = { namespace: 'ns', name, uid: `uid-${name}`, rules };
  return { id: `route/ns/${name}`, rank, models, generation: 1, body, reason: undefined };
}

export function table(routes: EffectiveRoute[], providers: ProviderBody[] = [provider('p')]): RoutingTable {
  const entries = providers.map((body): [string, EffectiveProvider] => {
    const id = `provider/${body.namespace}/${body.name}`;
    return [id, { id, generation: 1, body, reason: undefined }];
  });
  return buildTable({ hash: 'h', routes, providers: new Map(entries) });
}

/** The one rule of a table made of one route. */
function ruleOf(body: RuleBody, providers: ProviderBody[]): TableRule {
  const [made] = table([route('r', ['*'], [body])], providers).routes[0]?.rules ?? [];
  if (!made) throw new Error('the table has the rule');
  return made;
}

/** A plain chat request. Header names are lower-case. */
export function facts(over: Partial<RequestFacts> = {}, headers: Record<string, string> = {}): RequestFacts {
  return {
    dialect: 'openai-chat',
    serverTools: false,
    method: 'POST',
    path: '/v1/chat/completions',
    header: (name) => headers[name.toLowerCase()],
    askedModel: 'm',
    needs: 'Chat',
    inputTokens: 100,
    inputTokensLowerBound: 50,
    turns: 1,
    userText: () => [],
    tools: false,
    vision: false,
    jsonSchema: false,
    stream: false,
    maxOutputTokens: undefined,
    choices: 1,
    replay: 'Free',
    pinned: false,
    ...over,
  };
}

interface Health {
  /** By `provider`, or `provider#credential`. */
  ejected?: Record<string, Partial<Ejection>>;
  /** Credential ids whose value has not arrived. */
  missing?: string[];
}

export function health({ ejected = {}, missing = [] }: Health = {}): HealthView {
  return {
    hasCredential: (id) => !missing.includes(id),
    ejection: ({ provider, credential }: Candidate) => {
      const found = ejected[`${provider.name}#${credential?.name}`] ?? ejected[provider.name];
      return found && { scope: 'Model', until: 1000, probing: false, ...found };
    },
  };
}

/** Plans with fixed numbers for chance: the same one each time unless several are given. */
export function planned(
  body: RuleBody,
  providers: ProviderBody[],
  options: {
    facts?: RequestFacts;
    health?: HealthView;
    random?: number[];
    now?: number;
    state?: RoutingState;
  } = {},
) {
  const { random = [0] } = options;
  let at = 0;
  const made = plan(
    ruleOf(body, providers),
    options.facts ?? facts(),
    options.health ?? health(),
    options.now ?? 0,
    () => random[at++ % random.length] as number,
    options.state ?? routingState(),
  );
  return {
    ...made,
    order: made.candidates.map((c) =>
      c.credential ? `${c.target.name}#${c.credential.name}` : c.target.name,
    ),
    reasons: Object.fromEntries(made.considered.map((c) => [c.target, c.reason])),
  };
}
