import type { OpenWay } from '../dialects/pairing.ts';
import type { Attempt } from '../exchange.ts';
import type { Candidate } from '../routing/plan.ts';

/** The record of an attempt that begins; every field is there from the start. */
export function newAttempt(
  candidate: Candidate,
  kind: Attempt['kind'],
  now: number,
  way: OpenWay | undefined,
): Attempt {
  return {
    candidate,
    kind,
    way,
    startedAt: now,
    sentAt: undefined,
    headersAt: undefined,
    firstContentAt: undefined,
    committedAt: undefined,
    endedAt: undefined,
    httpStatus: undefined,
    failure: undefined,
    scope: undefined,
    errorCode: undefined,
    cancelled: false,
    noWork: false,
    upstreamRequestId: undefined,
    responseModel: undefined,
    responseId: undefined,
    finishReasons: [],
    serviceTier: undefined,
    outputBytes: 0,
    rawUsage: undefined,
    settlement: undefined,
  };
}
