/** What is tried where no target is left: those that cost too much, those that are ejected, or the largest of those that are too small. */
import { formatUsd } from '../accounting/usd.ts';
import type { RuleBody } from '../snapshot/schema.ts';
import { cheapestFirst, ruleOrder } from './constraints/no-target.ts';
import type { Draft, Relaxed } from './draft.ts';
import { costOf } from './measures.ts';
import type { Candidate } from './plan.ts';
import { STRATEGIES } from './strategies/strategies.ts';

/** Nothing keeps to the rule's ceilings, and the rule would rather ask what does not: its own order, or what costs least. */
export function relax(how: NonNullable<RuleBody['onNoTarget']>, candidates: Candidate[], draft: Draft): void {
  const { above, ejected, considered, rule, facts, now, random, state } = draft;
  const all: Relaxed[] = [...above, ...ejected];
  if (how === 'LastResort') {
    const ranked = all.map(({ candidate }) => candidate);
    STRATEGIES[rule.strategy.type].order(ranked, {
      rule,
      facts,
      now,
      random,
      state,
      key: `${rule.name} relaxed`,
    });
    ruleOrder(all, ranked);
  } else {
    cheapestFirst(all, draft);
  }
  for (const { candidate, target } of all) {
    candidates.push(candidate);
    const entry = considered[target.index];
    if (!entry) continue;
    const cost = costOf(candidate, draft);
    const priced =
      cost === undefined
        ? 'of unknown cost'
        : `expected to cost $${formatUsd(BigInt(Math.round(cost / 1000)))}`;
    entry.kept = true;
    entry.reason = 'Relaxed';
    entry.detail += `; asked all the same, ${priced}, since no target is left (onNoTarget ${how})`;
  }
}

/** Everything that fits is ejected: waiting would fail the request for sure, trying may not. */
export function lastResort(candidates: Candidate[], { ejected, considered }: Draft): void {
  ejected.sort((a, b) => a.until - b.until || a.target.body.priority - b.target.body.priority);
  for (const { candidate, target } of ejected) {
    candidates.push(candidate);
    const entry = considered[target.index];
    if (entry) {
      entry.kept = true;
      entry.reason = 'LastResort';
    }
  }
}

/** Estimates alone must not refuse a request: where they emptied the list, the largest window is tried. */
export function largestWindow(candidates: Candidate[], { tooLarge, considered }: Draft): void {
  let largest: Draft['tooLarge'][number] | undefined;
  for (const one of tooLarge) if (!largest || one.window > largest.window) largest = one;
  if (!largest) return;
  candidates.push(largest.candidate);
  const entry = considered[largest.target.index];
  if (entry) {
    entry.kept = true;
    entry.reason = 'ContextWindowTight';
    entry.detail += '; the largest window there is, and the input is only estimated';
  }
}
