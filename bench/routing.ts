/**
 * Time of one routing decision: facts, route, match, plan, for a route of 50 rules of which the last one matches, with 20
 * targets in two tiers and a key each, by every strategy, with what each target did observed before. `node bench/routing.ts`
 * prints microseconds of CPU, and what an attempt costs its observers; nothing else of a request is in it. Exits non-zero where
 * the median is above the bar.
 */

import { OutriderError } from '../errors/table.ts';
import { NO_USAGE } from '../sidecar/accounting/usage.ts';
import { OPENAI_CHAT } from '../sidecar/dialects/openai/dialects.ts';
import { newAttempt } from '../sidecar/dispatch/new-attempt.ts';
import type { Exchange } from '../sidecar/exchange.ts';
import { buildFacts } from '../sidecar/routing/facts.ts';
import { plan } from '../sidecar/routing/make-plan.ts';
import { matchRule } from '../sidecar/routing/match-rule.ts';
import { answerKind } from '../sidecar/routing/observed/answer-kind.ts';
import type { Candidate, HealthView, Plan, RequestFacts } from '../sidecar/routing/plan.ts';
import { resolveRoute } from '../sidecar/routing/resolve-route.ts';
import { type RoutingState, routingState } from '../sidecar/routing/state.ts';
import { STRATEGIES } from '../sidecar/routing/strategies/strategies.ts';
import { buildTable, type RoutingTable } from '../sidecar/routing/table.ts';
import type { MatchBody, ProviderBody, RuleBody, TargetBody } from '../sidecar/snapshot/schema.ts';

const RULES = 50;
const TARGETS = 20;
const ROUNDS = 20_000;
const WARM_UP = 20_000;
const BAR_MICROSECONDS = 20;
const OBSERVED = 200;

const MATCHES: MatchBody[] = [
  { headers: [{ name: 'x-team', type: 'Exact', value: 'another' }] },
  { prompt: { tokens: { min: 50_000 } } },
  { request: { vision: true }, paths: ['/v1/chat/completions'] },
  { prompt: { contains: ['invoice', 'refund', 'chargeback'] } },
  { headers: [{ name: 'x-tier', type: 'Prefix', value: 'gold' }], prompt: { turns: { min: 9 } } },
];

function target(i: number): TargetBody {
  return {
    name: `t${i}`,
    provider: `provider/shop/p${i}`,
    model: 'm',
    weight: (i % 5) + 1,
    priority: i % 2,
    patch: { set: [], default: [], remove: [], headers: [] },
  };
}

const LAYERS: RuleBody['strategy']['layers'] = [
  { type: 'Cost', withinPercent: 20 },
  { type: 'Latency', withinPercent: 20 },
];

function rule(i: number, type: RuleBody['strategy']['type']): RuleBody {
  const last = i === RULES - 1;
  return {
    name: `r${i}`,
    matches: last ? [] : [MATCHES[i % MATCHES.length] as MatchBody],
    strategy: type === 'Layered' ? { type, layers: LAYERS } : { type },
    targets: Array.from({ length: last ? TARGETS : 1 }, (_, t) => target(t)),
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
  };
}

function provider(i: number): ProviderBody {
  return {
    namespace: 'shop',
    name: `p${i}`,
    type: 'OpenAICompatible',
    url: 'http://models/v1',
    headers: [],
    credentials: [{ name: 'main', id: `shop/p${i}/main`, type: 'APIKey', weight: 1 }],
    models: [
      {
        name: 'm',
        upstreamName: 'm',
        contextWindow: 128_000,
        capabilities: ['Chat', 'Tools'],
        prices: { input: 1_000_000 + 50_000 * i, cacheRead: 100_000, output: 8_000_000 },
        quality: [{ task: 'default', score: 50 + i }],
      },
    ],
    openModels: false,
    streamUsage: 'OnRequest',
    passive: { consecutiveErrors: 5, ejectionMs: 5000, maxEjectionMs: 120_000 },
  };
}

function tableOf(type: RuleBody['strategy']['type']): RoutingTable {
  const rules = Array.from({ length: RULES }, (_, i) => rule(i, type));
  const id = 'route/shop/assistant';
  const body = { namespace: 'shop', name: 'assistant', uid: 'u', rules };
  const providers = Array.from({ length: TARGETS }, (_, i) => {
    const key = `provider/shop/p${i}`;
    return [key, { id: key, generation: 1, body: provider(i), reason: undefined }] as const;
  });
  return buildTable({
    hash: 'h',
    routes: [{ id, rank: 0, models: ['assistant', 'gpt-*'], generation: 1, body, reason: undefined }],
    providers: new Map(providers),
  });
}

const RAW_HEADERS = Object.entries({
  Host: '127.0.0.1:4000',
  Accept: 'application/json',
  'Content-Type': 'application/json',
  'User-Agent': 'OpenAI/JS 7.55.0',
  'X-Stainless-Lang': 'js',
  'X-Stainless-Retry-Count': '0',
  'X-Stainless-Timeout': '600',
  Authorization: 'Bearer placeholder',
  'X-Team': 'shop',
  'X-Tier': 'free',
  'Accept-Encoding': 'gzip, deflate',
  Connection: 'keep-alive',
  'Content-Length': '2048',
}).flat();
const BODY = Buffer.from(
  JSON.stringify({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'What is new today? '.repeat(100) }],
  }),
);
const HEALTH: HealthView = { ejection: () => undefined, hasCredential: () => true };

const ENVELOPE = OPENAI_CHAT.readRequest(BODY);

function factsOf(): RequestFacts {
  return buildFacts({
    method: 'POST',
    path: '/v1/chat/completions',
    rawHeaders: RAW_HEADERS,
    dialect: OPENAI_CHAT,
    envelope: ENVELOPE,
  });
}

function decide(table: RoutingTable, state: RoutingState): Plan {
  const facts = factsOf();
  const resolved = resolveRoute(table, facts.askedModel);
  if (resolved instanceof OutriderError) throw resolved;
  const matched = matchRule(resolved.route, facts);
  if (matched.error) throw matched.error;
  return plan(matched.rule, facts, HEALTH, now, Math.random, state);
}

let now = 1000;

/** Lets the state see one answer of the plan's first candidate, begun `ago` before and still open or not. */
function observe(made: Plan, state: RoutingState, candidate: Candidate, open: boolean): void {
  const facts = factsOf();
  facts.answerKind = answerKind(facts, made.rule);
  const attempt = newAttempt(candidate, 'First', now - 200, undefined);
  attempt.settlement = { usage: { ...NO_USAGE, input: 500, output: 200 }, source: 'Provider' };
  const exchange = { facts, plan: made, attempts: [attempt], startedAt: now, dialect: OPENAI_CHAT };
  const seen = exchange as unknown as Exchange;
  state.observed.started(attempt, seen);
  if (open) return;
  attempt.endedAt = now + 20 * candidate.index;
  state.observed.ended(attempt, seen);
  attempt.committedAt = attempt.endedAt;
  state.observed.committed(attempt, seen);
  state.observed.completed(seen);
}

const microseconds = (from: bigint): number => Number(process.hrtime.bigint() - from) / 1000;
const at = (sorted: readonly number[], share: number): string =>
  (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);

let observing: number[] = [];
const only = process.argv[2];
for (const [type, strategy] of Object.entries(STRATEGIES)) {
  if (only !== undefined && type !== only) continue;
  const table = tableOf(strategy.type);
  const state = routingState();
  const [first] = [decide(table, state)];
  for (let i = 0; i < OBSERVED; i++) {
    for (const candidate of first.candidates) observe(first, state, candidate, i % 20 === 0);
    now += 50;
  }
  for (let i = 0; i < WARM_UP; i++) decide(table, state);
  const times = Array.from({ length: ROUNDS }, () => {
    const start = process.hrtime.bigint();
    const { candidates } = decide(table, state);
    const took = microseconds(start);
    if (candidates.length !== TARGETS) throw new Error('every target is a candidate');
    now += 5;
    return took;
  }).sort((a, b) => a - b);
  const met = Number(at(times, 0.5)) <= BAR_MICROSECONDS;
  if (!met) process.exitCode = 1;
  console.log(
    `${type}: p50 ${at(times, 0.5)} µs, p90 ${at(times, 0.9)} µs, p99 ${at(times, 0.99)} µs ` +
      `(${RULES} rules, ${TARGETS} targets; bar ${BAR_MICROSECONDS} µs at p50: ${met ? 'met' : 'not met'})`,
  );
  const [candidate] = first.candidates;
  if (candidate === undefined) continue;
  const facts = factsOf();
  observing = Array.from({ length: ROUNDS }, () => {
    const attempt = newAttempt(candidate, 'First', now, undefined);
    attempt.settlement = { usage: { ...NO_USAGE, input: 500, output: 200 }, source: 'Provider' };
    const exchange = { facts, plan: first, attempts: [attempt], startedAt: now, dialect: OPENAI_CHAT };
    const seen = exchange as unknown as Exchange;
    attempt.endedAt = now + 200;
    const start = process.hrtime.bigint();
    state.observed.started(attempt, seen);
    state.observed.ended(attempt, seen);
    state.observed.committed(attempt, seen);
    state.observed.completed(seen);
    const took = microseconds(start);
    now += 5;
    return took;
  });
}
observing.sort((a, b) => a - b);
console.log(`observing one attempt: p50 ${at(observing, 0.5)} µs, p99 ${at(observing, 0.99)} µs`);
