/** The end of a request that nobody answered: what its caller is told. */
import { OutriderError } from '../../errors/table.ts';
import type { Exchange } from '../exchange.ts';
import type { Candidate } from '../routing/plan.ts';
import type { Failure } from './failure.ts';
import { retryHeaders } from './retry-hint.ts';
import type { UpstreamCall } from './upstream-call.ts';

/** The last failure there was. */
export interface Failed {
  readonly failure: Failure;
  readonly call: UpstreamCall;
}

/** Whether the provider's answer can be handed on: vendors quote keys in their refusals, if only in part; a whole one goes to nobody. */
export function mayTell({ failure: { answer }, call: { secret } }: Failed): boolean {
  return answer !== undefined && (secret === undefined || !answer.body.includes(secret));
}

/** Headers that go with a provider's answer. `exhausted`: it was ours to try again, and we are done with it, for `waitMs`. */
export function answerHeaders(
  responseHeaders: ReadonlySet<string>,
  exhausted: boolean,
  waitMs: number | undefined,
): { allowed: ReadonlySet<string>; more: readonly string[] } {
  if (!exhausted) return { allowed: responseHeaders, more: [] };
  const allowed = new Set(responseHeaders);
  if (waitMs !== undefined) for (const name of ['retry-after', 'retry-after-ms']) allowed.delete(name);
  return { allowed, more: retryHeaders(waitMs) };
}

export interface NothingToTry {
  readonly candidates: readonly Candidate[];
  readonly exchange: Exchange;
  readonly requestMs: number;
  /** The time before commit is over. */
  readonly late: boolean;
  hasKey(candidate: Candidate): boolean;
}

/** No attempt was made. */
export function nothingToTry(about: NothingToTry): OutriderError {
  const { exchange, requestMs, late } = about;
  const missing = about.candidates.find((c) => !about.hasKey(c));
  if (missing?.credential) {
    return new OutriderError('credential_unavailable', { credential: missing.credential.id });
  }
  if (late) return new OutriderError('request_timeout', { timeout: `${requestMs}ms` });
  return new OutriderError('no_target', {
    rule: exchange.plan?.rule.name ?? '',
    route: exchange.route ?? '',
    reasons: 'the plan is empty',
  });
}
