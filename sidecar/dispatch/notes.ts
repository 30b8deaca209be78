/** What a request's explanation and warnings say of dispatch. No vendor text, no keys, no prompt content. */
import type { Loss } from '../dialects/canonical/losses.ts';
import type { BodyChange } from '../dialects/splice.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import type { Candidate } from '../routing/plan.ts';
import type { Failure } from './failure.ts';

export function noteStep({ steps }: Exchange, what: string, detail: string): void {
  steps.push({ stage: 'dispatch', what, detail });
}

export function noteFailure(exchange: Exchange, attempt: Attempt, failure: Failure): void {
  const { class: kind, code } = failure.verdict;
  const again = failure.again === undefined ? '' : `, again: ${failure.again}`;
  exchange.steps.push({
    stage: 'dispatch',
    what: 'AttemptFailed',
    detail: `target ${attempt.candidate.target.name}: ${kind} (${code})${again}`,
  });
}

/** Patches are told in the explanation; what takes something away from the caller is a warning as well. */
export function noteChanges(exchange: Exchange, candidate: Candidate, changes: readonly BodyChange[]): void {
  for (const { member, action, lossy } of changes) {
    if (action === 'Model' || action === 'Usage') continue;
    const target = candidate.target.name;
    const verb = action === 'Remove' ? 'removed' : 'set';
    exchange.steps.push({
      stage: 'dispatch',
      what: 'Patched',
      detail: `target ${target}: ${verb} ${member}`,
    });
    if (lossy) exchange.warnings.push(`target ${target} ${verb} ${member}`);
  }
}

/** What translation could not keep: told in the explanation, and to the caller unless the rule says it need not be. */
export function noteLosses(
  exchange: Exchange,
  candidate: Candidate,
  losses: readonly Loss[],
  warn: boolean,
): void {
  const target = candidate.target.name;
  for (const { parameter, how, detail } of losses) {
    const text = `target ${target}: ${how === 'Dropped' ? 'dropped' : 'changed'} ${parameter} (${detail})`;
    exchange.steps.push({ stage: 'dispatch', what: 'Translated', detail: text });
    if (warn) exchange.warnings.push(text);
  }
}

/** A failure goes on to the list it has for itself. */
export function noteOwnList(exchange: Exchange, kind: string, list: readonly Candidate[]): void {
  const names = [...new Set(list.map(({ target }) => target.name))].join(', ');
  noteStep(exchange, 'OwnList', `${kind} goes on to ${names === '' ? 'nothing that can serve it' : names}`);
}
