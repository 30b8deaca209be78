/** PURE: the statuses in words, for where no API server holds them: what `outrider run` prints. */
import type { Acknowledgement } from '../../sidecar/snapshot/messages.ts';
import { partsOf } from '../compile/problems.ts';
import type { Verdict } from '../compile/types.ts';

export interface Remark extends Pick<Verdict, 'kind' | 'namespace' | 'name'> {
  /** A sentence. */
  message: string;
}

/** What is not as it should be: conditions that tell of a fault, and what the sidecar refuses beyond that. None if all is well. */
export function remarks(verdicts: readonly Verdict[], { exceptions }: Acknowledgement): Remark[] {
  return verdicts.flatMap(({ kind, namespace, name, itemId, conditions }) => {
    const faults = conditions.filter(
      ({ type, status }) => status === (type === 'Conflicted' ? 'True' : 'False'),
    );
    const messages = faults.flatMap(({ message }) => partsOf(message));
    const refusal = exceptions.find(({ id }) => id === itemId);
    // Of what is not accepted the sidecar only repeats why.
    if (refusal && !faults.some(({ type }) => type === 'Accepted')) {
      messages.push(
        `the sidecar ${refusal.state === 'Stale' ? 'keeps the version before' : 'refuses it'}: ${refusal.reason}`,
      );
    }
    return messages.map((message) => ({ kind, namespace, name, message }));
  });
}
