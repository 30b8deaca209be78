/**
 * PURE: what the status of an object should be, and whether that is worth a write.
 *
 * Statuses are watched by people and programs, so a write says something new: a condition that changed is written at
 * once, numbers and the texts that carry them once a minute, and an equal status never.
 */
import type { Condition } from '../../crds/common.ts';
import type { LLMPolicyStatus } from '../../crds/llmpolicy.ts';
import type { LLMProviderStatus } from '../../crds/llmprovider.ts';
import type { LLMRouteStatus } from '../../crds/llmroute.ts';
import type { Verdict } from '../compile/types.ts';
import { type BudgetStatuses, budgetsOf, normalBudgets } from './budgets.ts';
import { type ConditionType, type Finding, findCondition, toCondition } from './conditions.ts';
import { canariesOf, normalExperiments } from './experiments.ts';
import {
  type ClockFacts,
  DEFAULT_WAITS,
  type Judgement,
  judgeProgrammed,
  type ProxyFact,
  type Waits,
} from './programmed.ts';
import { NOT_ACCEPTED, READY } from './reasons.ts';

export interface StatusDecision<Status> {
  status: Status;
  /** Whether `status` should be written now. */
  write: boolean;
  /** Sidecars are on their way to this version. */
  pending: boolean;
  /** Milliseconds after which to decide again though nothing was heard; undefined if that could change nothing. */
  againInMs: number | undefined;
}

/** Numbers are written no more often than this. */
const NUMBERS_MS = 60_000;
const MAX_REJECTED = 10;
const MAX_REASON = 1024;

type CommonStatus = Pick<LLMRouteStatus, 'observedGeneration' | 'conditions'>;

/** @param previous the status as stored, whoever wrote it */
export function routeStatus(
  previous: LLMRouteStatus | undefined,
  verdict: Verdict,
  proxies: readonly ProxyFact[],
  clock: ClockFacts,
  waits: Waits = DEFAULT_WAITS,
  experiments?: LLMRouteStatus['experiments'],
  budgets?: BudgetStatuses,
): StatusDecision<LLMRouteStatus> {
  const judged = judgementOf(previous, verdict, proxies, clock, waits);
  const conditions = conditionsOf(previous, verdict, judged, clock.now);
  const status: LLMRouteStatus = {
    observedGeneration: verdict.generation,
    conditions,
    // Whoever does not trust what it sees enough for a condition does not count it either.
    proxies: (judged.decision.kind !== 'Set' && previous?.proxies) || numbers(judged.expected),
    ...(experiments && { experiments }),
    ...budgetsOf(budgets, previous),
  };
  return weigh(previous, status, verdict, judged, clock);
}

/**
 * As `routeStatus`; `proxies` are the sidecars that some route gives the provider to. `health`: what they say of it; unset:
 * nothing yet, and what was said before stays.
 */
export function providerStatus(
  previous: LLMProviderStatus | undefined,
  verdict: Verdict,
  proxies: readonly ProxyFact[],
  clock: ClockFacts,
  waits: Waits = DEFAULT_WAITS,
  health?: Omit<Finding, 'type'>,
): StatusDecision<LLMProviderStatus> {
  const judged = judgementOf(previous, verdict, proxies, clock, waits);
  const status: LLMProviderStatus = {
    observedGeneration: verdict.generation,
    conditions: [
      ...conditionsOf(previous, verdict, judged, clock.now),
      ...healthyOf(previous, verdict, health, clock.now),
    ],
    ...(verdict.models === undefined
      ? {}
      : { models: verdict.models.map(({ name, priced }) => ({ name, priced })) }),
  };
  return weigh(previous, status, verdict, judged, clock);
}

/** A policy is in the snapshots of its routes, whose statuses say who runs them. `budgets`: undefined where nothing is known. */
export function policyStatus(
  previous: LLMPolicyStatus | undefined,
  verdict: Verdict,
  clock: ClockFacts,
  budgets: BudgetStatuses | undefined,
): StatusDecision<LLMPolicyStatus> {
  const inTheWay = verdict.conditions.find(({ status }) => status !== 'True');
  const ready: Finding = inTheWay
    ? { type: 'Ready', status: 'False', reason: inTheWay.reason, message: inTheWay.message }
    : { type: 'Ready', status: 'True', reason: READY, message: 'accepted and resolved' };
  const { generation } = verdict;
  const status: LLMPolicyStatus = {
    observedGeneration: generation,
    conditions: [ready, ...verdict.conditions].map((finding) =>
      toCondition(finding, generation, findCondition(previous?.conditions, finding.type), clock.now),
    ),
    ...(verdict.routes !== undefined && { routes: verdict.routes }),
    ...budgetsOf(budgets, previous),
  };
  return weigh(previous, status, verdict, NOBODY, clock);
}

/** No proxy is waited for. */
const NOBODY: Judgement = judgeProgrammed(
  undefined,
  0,
  [],
  { now: 0, leaderForMs: Number.POSITIVE_INFINITY, pendingForMs: undefined, writtenMsAgo: undefined },
  DEFAULT_WAITS,
);

const judgementOf = (
  previous: CommonStatus | undefined,
  { generation }: Verdict,
  proxies: readonly ProxyFact[],
  clock: ClockFacts,
  waits: Waits,
): Judgement =>
  judgeProgrammed(findCondition(previous?.conditions, 'Programmed'), generation, proxies, clock, waits);

function healthyOf(
  previous: CommonStatus | undefined,
  { generation }: Verdict,
  health: Omit<Finding, 'type'> | undefined,
  now: number,
): Condition[] {
  const before = findCondition(previous?.conditions, 'Healthy');
  if (health) return [toCondition({ type: 'Healthy', ...health }, generation, before, now)];
  return before ? [before] : [];
}

function accepted({ conditions }: Verdict): Finding | undefined {
  return conditions.find(({ type }) => type === 'Accepted');
}

function conditionsOf(
  previous: CommonStatus | undefined,
  verdict: Verdict,
  { decision }: Judgement,
  now: number,
): Condition[] {
  const before = (type: ConditionType) => findCondition(previous?.conditions, type);
  const set = (finding: Finding) => toCondition(finding, verdict.generation, before(finding.type), now);
  const acceptance = accepted(verdict);
  const programmed =
    acceptance?.status === 'False'
      ? set({ type: 'Programmed', status: 'False', reason: NOT_ACCEPTED, message: acceptance.message })
      : decision.kind === 'Set'
        ? set(decision.finding)
        : before('Programmed');
  const inTheWay = [...verdict.conditions, ...(programmed ? [programmed] : [])].find(
    ({ type, status }) => type !== 'Conflicted' && status !== 'True',
  );
  const kept = programmed === before('Programmed') ? before('Ready') : undefined;
  const summary: Finding = inTheWay
    ? { type: 'Ready', status: inTheWay.status, reason: inTheWay.reason, message: inTheWay.message }
    : { type: 'Ready', status: 'True', reason: READY, message: 'accepted, resolved and programmed' };
  const ready = inTheWay?.status !== 'False' && kept ? kept : set(summary);
  return [ready, ...verdict.conditions.map(set), ...(programmed ? [programmed] : [])];
}

function numbers(expected: readonly ProxyFact[]): NonNullable<LLMRouteStatus['proxies']> {
  const count = (test: (fact: ProxyFact) => boolean) => expected.filter(test).length;
  const rejected = expected.flatMap(({ pod, standing }) =>
    standing.state === 'Refused'
      ? [{ pod, item: standing.item, reason: standing.reason.slice(0, MAX_REASON) }]
      : [],
  );
  return {
    expected: expected.length,
    connected: count(({ connected }) => connected),
    programmed: count(({ standing }) => standing.state === 'Runs'),
    stale: count(({ standing }) => 'older' in standing && standing.older),
    rejectedCount: rejected.length,
    ...(rejected.length === 0 ? {} : { rejected: rejected.slice(0, MAX_REJECTED) }),
  };
}

function weigh<Status extends CommonStatus>(
  previous: Status | undefined,
  status: Status,
  verdict: Verdict,
  { decision, againInMs }: Judgement,
  { leaderForMs, writtenMsAgo }: ClockFacts,
): StatusDecision<Status> {
  const pending = decision.pending && accepted(verdict)?.status !== 'False';
  const answer = (write: boolean, again = againInMs) => ({ status, write, pending, againInMs: again });
  // Someone saw a newer object than our copy is; what we know is old.
  if ((previous?.observedGeneration ?? 0) > verdict.generation) return answer(false);
  if (pending && decision.kind === 'Wait') return answer(false);
  if (substance(previous) !== substance(status)) return answer(true);
  if (JSON.stringify(normal(previous)) === JSON.stringify(normal(status))) return answer(false);
  const wait = NUMBERS_MS - (writtenMsAgo ?? leaderForMs);
  if (wait <= 0) return answer(true);
  return answer(false, againInMs === undefined ? wait : Math.min(wait, againInMs));
}

/** What is written at once when it changes: everything but numbers, and texts that name whichever pod comes first. */
function substance(status: CommonStatus | undefined): string {
  const { models } = (status ?? {}) as LLMProviderStatus;
  const conditions = normalConditions(status).map(({ type, status, observedGeneration, reason, message }) => [
    type,
    status,
    observedGeneration,
    reason,
    type === 'Programmed' || type === 'Ready' || type === 'Healthy' ? undefined : message,
  ]);
  return JSON.stringify([
    status?.observedGeneration,
    conditions,
    models?.map(({ name, priced }) => [name, priced]),
    canariesOf(status),
    ((status ?? {}) as LLMPolicyStatus).budgets !== undefined,
  ]);
}

/** One order of members and only what we write, so that equal statuses compare equal whatever the API server made of them. */
function normal(status: CommonStatus | undefined): unknown {
  const { proxies } = (status ?? {}) as LLMRouteStatus;
  const { budgets, routes } = (status ?? {}) as LLMPolicyStatus;
  return [
    substance(status),
    normalConditions(status),
    normalExperiments(status),
    normalBudgets(budgets),
    routes,
    proxies && [
      proxies.expected,
      proxies.connected,
      proxies.programmed,
      proxies.stale,
      proxies.rejectedCount,
      (proxies.rejected ?? []).map(({ pod, item, reason }) => [pod, item, reason]),
    ],
  ];
}

const OURS: readonly ConditionType[] = [
  'Ready',
  'Accepted',
  'ResolvedRefs',
  'Conflicted',
  'Programmed',
  'Healthy',
];

function normalConditions(status: CommonStatus | undefined): Condition[] {
  return OURS.flatMap((type) => {
    const found = findCondition(status?.conditions, type);
    if (!found) return [];
    const { observedGeneration, lastTransitionTime, reason, message } = found;
    return [
      {
        type,
        status: found.status,
        ...(observedGeneration === undefined ? {} : { observedGeneration }),
        lastTransitionTime,
        reason,
        message,
      },
    ];
  });
}
