/** Which candidate comes next: a pure choice from the plan, what has failed so far, and what health says now. */
import type { BreakerScope, Retry } from '../providers/failures.ts';
import type { Candidate, Ejection } from '../routing/plan.ts';
import type { RuleBody } from '../snapshot/schema.ts';
import { backoffMs } from './backoff.ts';
import type { Failure } from './failure.ts';

/** A try of this request that failed. */
export interface Tried {
  readonly candidate: Candidate;
  readonly scope: BreakerScope;
  readonly retry: Retry;
  /** Monotonic time before which the same provider is not asked again: backoff, or its own word. */
  readonly notBefore: number;
  /** The window that the request does not fit into, where that was the failure and it is known. */
  readonly outgrown?: number;
  /** There was no room for it just now: it alone is passed over. */
  readonly refused?: true;
}

export interface SelectionInput {
  readonly candidates: readonly Candidate[];
  readonly tried: readonly Tried[];
  /** Longest wait that is worth it. */
  readonly maxWaitMs: number;
  /** Configuration, not health, decides. */
  readonly pinned: boolean;
  /** The provider that has seen the caller's own key: no other may. */
  readonly passthroughProvider: string | undefined;
  now(): number;
  ejection(candidate: Candidate): Ejection | undefined;
  hasKey(candidate: Candidate): boolean;
  /** Whether a provider that has failed this request may be asked again. Absent: nothing speaks against it. */
  mayRepeatAt?(providerId: string): boolean;
}

export interface Choice {
  readonly candidate: Candidate;
  readonly waitMs: number;
  /** It is ejected, but so is everything else that is left. */
  readonly lastResort: boolean;
}

/**
 * In the order of the plan: what was not tried yet, then what may be tried again, each only while healthy. If all that
 * is left is ejected, it is tried all the same: a wrong guess of ours must not be what fails a request.
 */
export function choose(input: SelectionInput): Choice | undefined {
  const [first] = input.candidates;
  if (first !== undefined && input.tried.length === 0 && mayServe(first, input)) {
    if (input.pinned || input.ejection(first) === undefined) {
      return { candidate: first, waitMs: 0, lastResort: false };
    }
  }
  const fresh: Candidate[] = [];
  const again: Candidate[] = [];
  for (const candidate of input.candidates) {
    if (!mayServe(candidate, input)) continue;
    (wasTried(candidate, input.tried) ? again : fresh).push(candidate);
  }
  for (const lastResort of [false, true]) {
    for (const candidate of [...fresh, ...again]) {
      if (!input.pinned && !lastResort && input.ejection(candidate) !== undefined) continue;
      const waitMs = waitFor(candidate, input);
      if (waitMs <= input.maxWaitMs) return { candidate, waitMs, lastResort };
    }
  }
  return undefined;
}

/** Whether a candidate could serve the request, health aside. */
export function mayServe(candidate: Candidate, input: SelectionInput): boolean {
  if (!input.hasKey(candidate)) return false;
  const passthrough = candidate.credential?.type === 'Passthrough';
  const seen = input.passthroughProvider;
  if (passthrough && seen !== undefined && seen !== candidate.providerId) return false;
  if (input.tried.some((tried) => rulesOut(tried, candidate))) return false;
  if (!hasFailedAt(candidate.providerId, input.tried)) return true;
  return input.mayRepeatAt?.(candidate.providerId) ?? true;
}

/** Whether a candidate could take over from one that answers nobody; health aside, which is kept by model and not by key. */
export function couldTakeOver(candidate: Candidate, silent: Candidate, input: SelectionInput): boolean {
  if (!mayServe(candidate, input)) return false;
  if (candidate.providerId !== silent.providerId) return true;
  if (candidate.upstreamModel === silent.upstreamModel) return false;
  return input.mayRepeatAt?.(candidate.providerId) ?? true;
}

/** A target that was not asked because something was in the way has not failed. */
export function hasFailedAt(providerId: string, tried: readonly Tried[]): boolean {
  return tried.some((t) => t.scope !== 'None' && t.candidate.providerId === providerId);
}

/** What a failed attempt means for those that may follow. `random` is in [0, 1). */
export function judge(
  before: readonly Tried[],
  candidate: Candidate,
  failure: Failure,
  rule: RuleBody,
  now: number,
  random: number,
): Tried {
  const { scope, retry, class: kind } = failure.verdict;
  const repeats = before.filter((t) => t.candidate.providerId === candidate.providerId).length;
  const wait = backoffMs(rule.failover.backoff, repeats + 1, random);
  const notBefore = now + Math.max(wait, failure.retryAfterMs ?? 0);
  const outgrown = kind === 'ContextWindow' ? candidate.model?.contextWindow : undefined;
  return { candidate, scope, retry, notBefore, ...(outgrown !== undefined && { outgrown }) };
}

/** Whether the failure would only repeat itself there. */
function rulesOut(tried: Tried, candidate: Candidate): boolean {
  const { candidate: failed, outgrown } = tried;
  const window = candidate.model?.contextWindow;
  if (tried.refused) return candidate === failed;
  if (outgrown !== undefined && window !== undefined && window <= outgrown) return true;
  if (failed.providerId !== candidate.providerId) return false;
  switch (tried.retry) {
    case 'Never':
      return true;
    case 'OtherCredential':
      return failed.credential?.id === candidate.credential?.id;
    case 'OtherTarget':
      return failed.upstreamModel === candidate.upstreamModel;
    case 'Same':
      return false;
  }
}

export function wasTried(candidate: Candidate, tried: readonly Tried[]): boolean {
  return tried.some((t) => t.candidate === candidate);
}

/** Another provider is asked at once; the same one only after its wait, unless it was the key that failed. */
function waitFor(candidate: Candidate, input: SelectionInput): number {
  let wait = 0;
  for (const { candidate: failed, scope, notBefore } of input.tried) {
    if (failed.providerId !== candidate.providerId) continue;
    const keyOnly = scope === 'Credential' || scope === 'CredentialModel';
    if (keyOnly && failed.credential?.id !== candidate.credential?.id) continue;
    wait = Math.max(wait, notBefore - input.now());
  }
  return wait;
}
