/**
 * The facts of the spans of plain requests, which are the same from one to the next of a target: kept as bytes, so that such a
 * request writes its ids, times and numbers alone. A new fact in `span-attributes.ts` has its place in `factsOf`, or it is a value.
 */
import type { Attempt } from '../exchange.ts';
import type { TargetBody } from '../snapshot/schema.ts';
import type { Finished } from './finished.ts';
import type { KnownProvider } from './known-names.ts';

/** Fields of each span, as they stand between its ids and its times. */
export interface SpanForm {
  readonly server: Uint8Array;
  readonly call: Uint8Array;
  readonly attempt: Uint8Array;
}

interface Known {
  readonly facts: readonly unknown[];
  readonly form: SpanForm;
}

export class PlainSpans {
  readonly #known = new WeakMap<TargetBody, Known>();

  /** `attempt`: the plain one. Calls `write` where the last request of its target differed in a fact. */
  of(finished: Finished, attempt: Attempt, provider: KnownProvider, write: () => SpanForm): SpanForm {
    const { target } = attempt.candidate;
    const known = this.#known.get(target);
    if (known !== undefined && isOf(known.facts, finished, attempt, provider)) return known.form;
    const form = write();
    this.#known.set(target, { facts: factsOf(finished, attempt, provider), form });
    return form;
  }
}

function factsOf({ exchange, outcome, estimated }: Finished, attempt: Attempt, provider: KnownProvider) {
  const { facts, plan } = exchange;
  const { candidate, finishReasons } = attempt;
  return [
    provider,
    plan?.rule,
    exchange.route,
    exchange.dialect.operation,
    exchange.method,
    exchange.path,
    outcome.status,
    estimated,
    facts?.askedModel,
    facts?.stream,
    facts?.choices,
    facts?.jsonSchema,
    candidate.upstreamModel,
    candidate.credential,
    attempt.kind,
    attempt.httpStatus,
    attempt.serviceTier,
    attempt.settlement?.source,
    attempt.responseModel,
    finishReasons.length,
    finishReasons[0],
  ];
}

/** As `factsOf`, without making a list. Several reasons are never taken for the same. */
function isOf(
  known: readonly unknown[],
  { exchange, outcome, estimated }: Finished,
  attempt: Attempt,
  provider: KnownProvider,
): boolean {
  const { facts, plan } = exchange;
  const { candidate, finishReasons } = attempt;
  return (
    known[0] === provider &&
    known[1] === plan?.rule &&
    known[2] === exchange.route &&
    known[3] === exchange.dialect.operation &&
    known[4] === exchange.method &&
    known[5] === exchange.path &&
    known[6] === outcome.status &&
    known[7] === estimated &&
    known[8] === facts?.askedModel &&
    known[9] === facts?.stream &&
    known[10] === facts?.choices &&
    known[11] === facts?.jsonSchema &&
    known[12] === candidate.upstreamModel &&
    known[13] === candidate.credential &&
    known[14] === attempt.kind &&
    known[15] === attempt.httpStatus &&
    known[16] === attempt.serviceTier &&
    known[17] === attempt.settlement?.source &&
    known[18] === attempt.responseModel &&
    finishReasons.length <= 1 &&
    known[19] === finishReasons.length &&
    known[20] === finishReasons[0]
  );
}
