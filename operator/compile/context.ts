/** How much of a conversation a rule sends: what was unset filled in, whom summaries are asked of, and the snapshot's words. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { RuleBody, TargetBody } from '../../sidecar/snapshot/schema.ts';
import type { ContextBody } from '../../sidecar/snapshot/shapes/context.ts';
import type { Filler } from './defaults.ts';
import { milliseconds } from './durations.ts';
import type { EffectiveRouteSpec, EffectiveRule } from './effective-route.ts';
import { askedTarget, requireCapability } from './signal-models.ts';
import type { TargetContext } from './target.ts';

type Context = NonNullable<LLMRouteSpec['rules'][number]['context']>;
type Summarize = NonNullable<Context['summarize']>;
type Filled = 'keepLast' | 'timeout' | 'maxInputTokens' | 'maxOutputTokens' | 'cacheTTL' | 'onFailure';
export type EffectiveContext = Omit<Context, 'summarize'> & {
  summarize?: Summarize & Required<Pick<Summarize, Filled>>;
};

const SUMMARY = {
  keepLast: 4,
  timeout: '10s',
  maxInputTokens: 16_000,
  maxOutputTokens: 512,
  cacheTTL: '1h',
  onFailure: 'Truncate' as const,
};

/** Nothing where the rule has none. */
export function effectiveContext(
  context: Context | undefined,
  path: string,
  fill: Filler,
): { context?: EffectiveContext } {
  if (context === undefined) return {};
  const { summarize, ...rest } = context;
  if (summarize === undefined) return { context: rest };
  const at = `${path}.context.summarize`;
  return {
    context: {
      ...rest,
      summarize: {
        ...summarize,
        keepLast: fill.in(`${at}.keepLast`, summarize.keepLast, SUMMARY.keepLast),
        timeout: fill.in(`${at}.timeout`, summarize.timeout, SUMMARY.timeout),
        maxInputTokens: fill.in(`${at}.maxInputTokens`, summarize.maxInputTokens, SUMMARY.maxInputTokens),
        maxOutputTokens: fill.in(`${at}.maxOutputTokens`, summarize.maxOutputTokens, SUMMARY.maxOutputTokens),
        cacheTTL: fill.in(`${at}.cacheTTL`, summarize.cacheTTL, SUMMARY.cacheTTL),
        onFailure: fill.in(`${at}.onFailure`, summarize.onFailure, SUMMARY.onFailure),
      },
    },
  };
}

/** By rule: whom it asks for summaries. What is wrong with it is noted as for targets. */
export interface SummaryTargets {
  summaries?: (TargetBody | null)[];
}

export function summaryTargets(
  spec: EffectiveRouteSpec,
  context: Omit<TargetContext, 'path'>,
): SummaryTargets {
  if (spec.rules.every((rule) => rule.context?.summarize === undefined)) return {};
  const summaries = spec.rules.map((rule, i) => {
    const summarize = rule.context?.summarize;
    if (!summarize) return null;
    const at = { ...context, path: `spec.rules[${i}].context.summarize` };
    const target = askedTarget('summarize', summarize, spec, at);
    requireCapability('Chat', target, at);
    return target;
  });
  return { summaries };
}

export function contextMembers(
  { context, maxOutputTokens }: Pick<EffectiveRule, 'context' | 'maxOutputTokens'>,
  summarizer: TargetBody | null | undefined,
): Pick<RuleBody, 'context' | 'maxOutputTokens'> {
  return {
    ...(context && { context: contextBody(context, summarizer ?? undefined) }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  };
}

function contextBody(
  { keepLast, maxTokens, summarize }: EffectiveContext,
  target: TargetBody | undefined,
): ContextBody {
  return {
    ...(keepLast !== undefined && { keepLast }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(summarize &&
      target && {
        summarize: {
          target,
          timeoutMs: milliseconds(summarize.timeout),
          maxInputTokens: summarize.maxInputTokens,
          cacheMs: milliseconds(summarize.cacheTTL),
          afterTokens: summarize.afterTokens,
          keepLast: summarize.keepLast,
          maxOutputTokens: summarize.maxOutputTokens,
          ...(summarize.onFailure === 'Pass' && { onFailure: summarize.onFailure }),
        },
      }),
  };
}
