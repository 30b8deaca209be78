/** Finished exchanges as the pipeline would leave them, and the configuration they ran under. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Settlement, Usage } from '../../../sidecar/accounting/usage.ts';
import type { Dialect } from '../../../sidecar/dialects/dialect.ts';
import type { Attempt, Exchange, Outcome } from '../../../sidecar/exchange.ts';
import type { Candidate, Plan, RequestFacts } from '../../../sidecar/routing/plan.ts';
import type { EffectiveSnapshot } from '../../../sidecar/snapshot/effective.ts';
import type { ModelBody, ProviderBody, RuleBody, TargetBody } from '../../../sidecar/snapshot/schema.ts';

export interface World {
  snapshot: EffectiveSnapshot;
  rule: RuleBody;
  /** By the name of the target. */
  candidates: Readonly<Record<string, Candidate>>;
}

/** Where all clocks of the exchanges stand. */
export const WALL = Date.UTC(2026, 10, 20, 9, 30, 0, 250);
const START = 5_000;

const model = (name: string, more: Partial<ModelBody> = {}): ModelBody => ({
  name,
  upstreamName: name,
  ...more,
});

export function provider(name: string, more: Partial<ProviderBody> = {}): ProviderBody {
  return {
    namespace: 'demo',
    name,
    type: 'OpenAI',
    url: 'https://api.openai.com/v1',
    headers: [],
    credentials: [],
    models: [],
    openModels: false,
    streamUsage: 'OnRequest',
    passive: { consecutiveErrors: 5, ejectionMs: 10_000, maxEjectionMs: 300_000 },
    ...more,
  };
}

export function target(name: string, body: ProviderBody, modelName?: string): TargetBody {
  return {
    name,
    provider: `provider/${body.namespace}/${body.name}`,
    ...(modelName !== undefined && { model: modelName }),
    weight: 1,
    priority: 0,
    patch: { set: [], default: [], remove: [], headers: [] },
  };
}

export function rule(name: string, targets: TargetBody[]): RuleBody {
  return {
    name,
    matches: [],
    strategy: { type: 'Weighted' },
    targets,
    failover: { on: ['ServerError'], maxAttempts: 3, backoff: { baseMs: 25, maxMs: 250 } },
    timeouts: {
      connectMs: 1000,
      firstTokenMs: 1000,
      interTokenMs: 1000,
      attemptMs: 1000,
      requestMs: 1000,
      clientStallMs: 1000,
    },
    holdMaxMs: 5000,
    passthrough: [],
    statefulTarget: 0,
    forwardHeaders: [],
  };
}

export function snapshotOf(
  providers: ProviderBody[],
  routes: { name: string; models: string[]; rules: RuleBody[] }[],
): EffectiveSnapshot {
  return {
    hash: 'h',
    routes: routes.map(({ name, models, rules }, rank) => ({
      id: `route/demo/${name}`,
      rank,
      models,
      generation: 1,
      reason: undefined,
      body: { namespace: 'demo', name, uid: name, rules },
    })),
    providers: new Map(
      providers.map((body) => {
        const id = `provider/${body.namespace}/${body.name}`;
        return [id, { id, generation: 1, body, reason: undefined }];
      }),
    ),
  };
}

/** Two providers: `main` at the vendor with dated names, `local` an open server with open models. */
export function world(): World {
  const main = provider('main', {
    credentials: [{ name: 'team', id: 'demo/main/team', type: 'APIKey', weight: 1 }],
    models: [
      model('gpt-5-mini', { variants: [{ form: 'Dated', text: 'gpt-5-mini-' }] }),
      model('text-embedding-3-small'),
    ],
  });
  const local = provider('local', {
    type: 'OpenAICompatible',
    url: 'http://vllm.demo.svc:8000/v1',
    models: [model('llama')],
    openModels: true,
  });
  const targets = [
    target('first', main, 'gpt-5-mini'),
    target('second', local, 'llama'),
    target('open', local),
  ];
  const code = rule('code', targets);
  const candidate = (index: number, body: ProviderBody, at: number | undefined, name: string): Candidate => ({
    index,
    target: targets[index] as TargetBody,
    providerId: `provider/demo/${body.name}`,
    provider: body,
    credential: body.credentials[0],
    upstreamModel: name,
    model: at === undefined ? undefined : body.models[at],
  });
  return {
    snapshot: snapshotOf([main, local], [{ name: 'assistant', models: ['gpt-*', 'embed'], rules: [code] }]),
    rule: code,
    candidates: {
      first: candidate(0, main, 0, 'gpt-5-mini'),
      second: candidate(1, local, 0, 'llama'),
      open: candidate(2, local, undefined, 'whatever-they-asked'),
      embedding: candidate(0, main, 1, 'text-embedding-3-small'),
    },
  };
}

const usageOf = (usage: Partial<Usage>): Usage => ({
  input: 0,
  cacheRead: 0,
  audioInput: 0,
  output: 0,
  reasoning: 0,
  audioOutput: 0,
  ...usage,
});

export function settled(
  usage: Partial<Usage>,
  costNanoUsd?: bigint,
  source: Settlement['source'] = 'Provider',
): Settlement {
  return { usage: usageOf(usage), source, ...(costNanoUsd !== undefined && { costNanoUsd }) };
}

export const NOTHING: Settlement = { usage: usageOf({}), source: 'None', costNanoUsd: 0n };

/** An attempt that succeeded, from `from` to `to` milliseconds after the request arrived. */
export function attempt(
  candidate: Candidate,
  from: number,
  to: number,
  more: Partial<Attempt> = {},
): Attempt {
  return {
    candidate,
    kind: 'First',
    startedAt: START + from,
    sentAt: START + from + 1,
    headersAt: START + from + 2,
    committedAt: START + from + 3,
    endedAt: START + to,
    httpStatus: 200,
    failure: undefined,
    errorCode: undefined,
    cancelled: false,
    noWork: false,
    upstreamRequestId: 'req_1',
    responseModel: candidate.upstreamModel,
    responseId: 'chatcmpl-1',
    finishReasons: ['stop'],
    outputBytes: 10,
    rawUsage: undefined,
    settlement: settled({ input: 100, output: 20 }, 900_000n),
    ...more,
  };
}

export interface ExchangeParts {
  id?: string;
  /** Milliseconds after the others. */
  laterMs?: number;
  headers?: IncomingHttpHeaders;
  operation?: Dialect['operation'];
  method?: string;
  path?: string;
  route?: string | undefined;
  pattern?: string | undefined;
  asked?: string;
  facts?: Partial<RequestFacts>;
  plan?: Plan | undefined;
  attempts?: Attempt[];
  committed?: number | undefined;
  warnings?: string[];
  outcome?: Partial<Outcome>;
  /** Milliseconds after arrival. */
  end?: number;
}

export function plan(rule: RuleBody, candidates: Candidate[]): Plan {
  return {
    rule,
    candidates,
    considered: candidates.map(({ target, upstreamModel }, i) => ({
      target: target.name,
      provider: target.provider.slice('provider/'.length),
      model: upstreamModel,
      kept: true,
      reason: i === 0 ? 'Selected' : 'Alternate',
      detail: `weight ${target.weight}`,
    })),
    maxAttempts: 3,
  };
}

function requestWith(headers: IncomingHttpHeaders): IncomingMessage {
  return { headers, rawHeaders: Object.entries(headers).flat() } as unknown as IncomingMessage;
}

let serial = 0;

export function exchange(of: World, parts: ExchangeParts = {}): Exchange {
  const attempts = parts.attempts ?? [attempt(of.candidates.first as Candidate, 0.2, 300)];
  const asked = parts.asked ?? 'gpt-5-mini';
  const end = parts.end ?? 300.5;
  const facts: RequestFacts = {
    dialect: 'openai-chat',
    serverTools: false,
    method: 'POST',
    path: '/v1/chat/completions',
    header: () => undefined,
    askedModel: asked,
    needs: 'Chat',
    inputTokens: 90,
    inputTokensLowerBound: 45,
    turns: 1,
    userText: () => ['the prompt itself'],
    tools: false,
    vision: false,
    jsonSchema: false,
    stream: false,
    maxOutputTokens: undefined,
    choices: 1,
    replay: 'Free',
    pinned: false,
    ...parts.facts,
  };
  const made = {
    id: parts.id ?? `req-${++serial}`,
    req: requestWith({ 'content-length': '2048', ...parts.headers }),
    res: {} as ServerResponse,
    startedAt: START,
    startedWall: WALL + (parts.laterMs ?? 0),
    method: parts.method ?? 'POST',
    path: parts.path ?? '/v1/chat/completions',
    query: '',
    dialect: { operation: parts.operation ?? 'chat' } as Dialect,
    envelope: undefined,
    head: undefined,
    facts,
    route: 'route' in parts ? parts.route : 'demo/assistant',
    modelPattern: 'pattern' in parts ? parts.pattern : 'gpt-*',
    steps: [{ stage: 'match', what: 'rule code', detail: 'matches' }],
    plan:
      'plan' in parts
        ? parts.plan
        : plan(
            of.rule,
            attempts.map((one) => one.candidate),
          ),
    attempts,
    committedAt: 'committed' in parts ? at(parts.committed) : START + end - 0.5,
    warnings: parts.warnings ?? [],
    outcome: {
      status: 200,
      endedAt: START + end,
      errorCode: undefined,
      broken: false,
      cancelled: false,
      streamed: false,
      responseBytes: 512,
      ...parts.outcome,
    },
    releaseBody() {},
    settle(one: Attempt) {
      return one.settlement as Settlement;
    },
  };
  return made as Exchange;
}

const at = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : START + ms);
