/** What an explanation may know of limits of rates: a read without side effects, implemented by `limits`. */
import type { RuleBody } from '../snapshot/schema.ts';
import { allowsOf, keyKind } from '../snapshot/shapes/rate-limits.ts';
import type { RequestFacts, Step } from './plan.ts';

/** One limit, as it stands for a request. */
export interface LimitStanding {
  /** Its id. */
  readonly limit: string;
  /** Such as `Namespace/Header x-tenant`; empty: all requests have it together. */
  readonly key: string;
  /** Such as `600 Requests per Minute`. */
  readonly allows: string;
  readonly fits: boolean;
  /** With the numbers. */
  readonly detail: string;
}

export interface RatesView {
  standing(rule: RuleBody, facts: RequestFacts): LimitStanding[];
}

/** One step for each limit of the rule. Without a view there is no sidecar, and nothing is used. */
export function limitSteps(rule: RuleBody, facts: RequestFacts, view: RatesView | undefined): Step[] {
  if (rule.rateLimits === undefined) return [];
  const standing =
    view?.standing(rule, facts) ??
    rule.rateLimits.map((body) => ({
      limit: body.id,
      key: keyKind(body.key),
      allows: allowsOf(body),
      detail: 'sidecars know what is left',
    }));
  return standing.map(({ limit, key, allows, detail }) => ({
    stage: 'admit',
    what: `limit ${limit}`,
    detail: `${allows}${key === '' ? '' : `, by ${key}`}: ${detail}`,
  }));
}
