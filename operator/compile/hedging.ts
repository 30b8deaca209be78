/** Hedges, failover lists, budgets for repetitions and learned limits: what is unset, and what proxies get. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { FailureClass, ItemId, RuleBody, TargetBody } from '../../sidecar/snapshot/schema.ts';
import { FAILOVER_ON, type Filler, maxAttempts } from './defaults.ts';
import { milliseconds } from './durations.ts';
import type { CompiledProvider } from './provider-item.ts';

type Rule = LLMRouteSpec['rules'][number];
type Target = Rule['targets'][number];
type Failover = NonNullable<Rule['failover']>;
type Timeouts = NonNullable<Rule['timeouts']>;

export interface EffectiveHedging {
  hedge?: Required<NonNullable<Rule['hedge']>>;
  failover: {
    when: FailureClass[];
    maxAttempts: number;
    to?: NonNullable<Failover['to']>;
    retryBudget: Required<NonNullable<Failover['retryBudget']>>;
  };
  timeouts: { learned?: boolean; stall?: Required<NonNullable<Timeouts['stall']>> };
}

/** Streams of targets that reason, while nothing is known of them: as long as anyone waits for a first byte. */
const REASONING_FIRST_TOKEN_MS = 240_000;

/** `keys`: how many keys a target may use; unset where that is not known. */
export function effectiveHedging(
  rule: Rule,
  path: string,
  fill: Filler,
  keys: (target: Target) => number = () => 1,
): EffectiveHedging {
  const { hedge, failover, timeouts } = rule;
  const to = failover?.to;
  const listed = (to ?? []).flatMap(({ when }) => when).filter((kind) => !FAILOVER_ON.includes(kind));
  const attempts = rule.targets.reduce((sum, target) => sum + Math.max(1, keys(target)), 0);
  const at = `${path}.failover`;
  return {
    ...(hedge && {
      hedge: {
        after: fill.in(`${path}.hedge.after`, hedge.after, 'p95'),
        maxExtraCostPercent: fill.in(`${path}.hedge.maxExtraCostPercent`, hedge.maxExtraCostPercent, 5),
        crossModel: fill.in(`${path}.hedge.crossModel`, hedge.crossModel, false),
      },
    }),
    failover: {
      when: fill.in(`${at}.when`, failover?.when, [...FAILOVER_ON, ...listed]),
      maxAttempts: fill.in(`${at}.maxAttempts`, failover?.maxAttempts, maxAttempts(attempts)),
      ...(to && { to }),
      retryBudget: {
        percent: fill.in(`${at}.retryBudget.percent`, failover?.retryBudget?.percent, 200),
        minPerSecond: fill.in(`${at}.retryBudget.minPerSecond`, failover?.retryBudget?.minPerSecond, 10),
      },
    },
    timeouts: {
      ...(timeouts?.learned !== undefined && { learned: timeouts.learned }),
      ...(timeouts?.stall && {
        stall: {
          ratePercent: fill.in(`${path}.timeouts.stall.ratePercent`, timeouts.stall.ratePercent, 10),
          window: fill.in(`${path}.timeouts.stall.window`, timeouts.stall.window, '10s'),
        },
      }),
    },
  };
}

type Body = Pick<RuleBody, 'hedge' | 'learned' | 'patient'> &
  Pick<RuleBody['failover'], 'to' | 'retryBudget'>;

/** Members for proxies. A budget that nobody set is theirs by default, so it is not sent. */
export function hedgingBody(rule: EffectiveHedging, asked: Rule | undefined): Body {
  const { hedge, failover, timeouts } = rule;
  const percentile = hedge?.after.startsWith('p') ? Number(hedge.after.slice(1)) : undefined;
  const { learned, stall } = timeouts;
  return {
    ...(hedge && {
      hedge: {
        ...(percentile === undefined
          ? { afterMs: milliseconds(hedge.after) }
          : { afterPercentile: percentile }),
        maxExtraCostPercent: hedge.maxExtraCostPercent,
        ...(hedge.crossModel && { crossModel: true as const }),
      },
    }),
    ...((learned === true || stall) && {
      learned: {
        ...(learned === true && { timeouts: true as const }),
        ...(stall && { stall: { percent: stall.ratePercent, windowMs: milliseconds(stall.window) } }),
      },
    }),
    ...(learned === false && { patient: true as const }),
    ...(failover.to && {
      to: failover.to.map(({ when, targets }) => ({ on: [...when], targets: [...targets] })),
    }),
    ...(asked?.failover?.retryBudget && { retryBudget: { ...failover.retryBudget } }),
  };
}

/** What a rule's defaults need to know of its providers. */
export interface RuleFacts {
  /** Targets, each by the keys it may use. */
  attempts: number;
  /** A target's model reasons. */
  reasons: boolean;
}

export function ruleFacts(
  targets: readonly TargetBody[],
  providers: ReadonlyMap<ItemId, CompiledProvider>,
): RuleFacts {
  return {
    attempts: targets.reduce((sum, target) => sum + keysOf(target, providers), 0),
    reasons: targets.some((target) => reasons(target, providers)),
  };
}

/** Attempts that nobody set count keys, and models that reason get more time. */
export function withFacts(body: RuleBody, asked: Rule | undefined, facts: RuleFacts | undefined): RuleBody {
  if (facts === undefined) return body;
  const made = { ...body };
  if (asked?.failover?.maxAttempts === undefined) {
    made.failover = { ...body.failover, maxAttempts: maxAttempts(facts.attempts) };
  }
  const { firstToken, learned } = asked?.timeouts ?? {};
  if (facts.reasons && firstToken === undefined && learned !== false) {
    made.reasoningFirstTokenMs = Math.max(REASONING_FIRST_TOKEN_MS, body.timeouts.firstTokenMs);
  }
  return made;
}

function keysOf(target: TargetBody, providers: ReadonlyMap<ItemId, CompiledProvider>): number {
  if (target.credential !== undefined) return 1;
  const all = providers.get(target.provider)?.item?.body?.credentials ?? [];
  const usable = all.filter((c) => c.weight > 0 && (target.credentials?.includes(c.name) ?? true));
  return Math.max(1, usable.length);
}

function reasons({ provider, model }: TargetBody, providers: ReadonlyMap<ItemId, CompiledProvider>): boolean {
  const compiled = providers.get(provider);
  const models = compiled?.item?.body?.models ?? [];
  const asked = model === undefined ? models : [compiled?.models?.find(model)];
  return asked.some((one) => one?.capabilities?.includes('Reasoning') ?? false);
}
