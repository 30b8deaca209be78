/**
 * Time of one routing decision: facts, route, match, plan, for a route of 50 rules of which the last one matches, with 20
 * targets in two tiers and a key each. `node bench/routing.ts` prints microseconds; nothing else of a request is in it.
 */

import { OutriderError } from '../errors/table.ts';
import { OPENAI_CHAT } from '../sidecar/dialects/openai/dialects.ts';
import { buildFacts } from '../sidecar/routing/facts.ts';
import { plan } from '../sidecar/routing/make-plan.ts';
import { matchRule } from '../sidecar/routing/match-rule.ts';
import type { HealthView } from '../sidecar/routing/plan.ts';
import { resolveRoute } from '../sidecar/routing/resolve-route.ts';
import { type RoutingState, routingState } from '../sidecar/routing/state.ts';
import { buildTable, type RoutingTable } from '../sidecar/routing/table.ts';
import type { MatchBody, ProviderBody, RuleBody, TargetBody } from '../sidecar/snapshot/schema.ts';

const RULES = 50;
const TARGETS = 20;
const ROUNDS = 20_000;
const WARM_UP = 20_000;

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

function rule(i: number, type: RuleBody['strategy']['type']): RuleBody {
  const last = i === RULES - 1;
  return {
    name: `r${i}`,
    matches: last ? [] : [MATCHES[i % MATCHES.length] as MatchBody],
    strategy: { type },
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
    models: [{ name: 'm', upstreamName: 'm', contextWindow: 128_000, capabilities: ['Chat', 'Tools'] }],
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

function decide(table: RoutingTable, state: RoutingState): number {
  const facts = buildFacts({
    method: 'POST',
    path: '/v1/chat/completions',
    rawHeaders: RAW_HEADERS,
    dialect: OPENAI_CHAT,
    envelope: ENVELOPE,
  });
  const resolved = resolveRoute(table, facts.askedModel);
  if (resolved instanceof OutriderError) throw resolved;
  const matched = matchRule(resolved.route, facts);
  if (matched.error) throw matched.error;
  return plan(matched.rule, facts, HEALTH, 0, Math.random, state).candidates.length;
}

const ENVELOPE = OPENAI_CHAT.readRequest(BODY);

for (const type of ['Weighted', 'RoundRobin'] as const) {
  const table = tableOf(type);
  const state = routingState();
  for (let i = 0; i < WARM_UP; i++) decide(table, state);
  const times = Array.from({ length: ROUNDS }, () => {
    const start = process.hrtime.bigint();
    if (decide(table, state) !== TARGETS) throw new Error('every target is a candidate');
    return Number(process.hrtime.bigint() - start) / 1000;
  }).sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(share * (ROUNDS - 1))] ?? 0).toFixed(1);
  console.log(
    `${type}: p50 ${at(0.5)} µs, p90 ${at(0.9)} µs, p99 ${at(0.99)} µs (${RULES} rules, ${TARGETS} targets)`,
  );
}
