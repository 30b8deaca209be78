/** Which answers are expected to be of one length: those of one rule, size of input and effort of reasoning. */
import type { RuleBody } from '../../snapshot/schema.ts';
import type { Candidate, RequestFacts } from '../plan.ts';
import { inputBucket } from './buckets.ts';
import { ruleName } from './rule-names.ts';

/**
 * Kept with the request: the body is gone when its answer is learned from, and where nobody asked, no rule of the request
 * ranks by lengths, so there is nothing to learn.
 */
export function answerKind(facts: RequestFacts, rule: RuleBody): string {
  facts.answerKind ??= `${inputBucket(facts.inputTokens)} ${facts.effort?.() ?? ''} ${ruleName(rule)}`;
  return facts.answerKind;
}

/** A target that changes the body may change the effort with it. */
export function ownKind(kind: string, { target }: Candidate): string {
  const { set, default: defaults } = target.patch;
  return set.length + defaults.length === 0 ? kind : `${kind} ${target.name}`;
}
