/**
 * One breaker as a pure state machine: states are values, every change is a function of (state, evidence, policy).
 * Times are milliseconds of one monotonic clock.
 *
 * Evidence is judged by when its attempt started: an attempt that was under way when the first failure landed, or when
 * the breaker closed, saw the old world and says nothing new about it.
 */

export type BreakerState =
  | {
      readonly is: 'Closed';
      /** Failures in a row. */
      readonly failures: number;
      /** When the first of them landed. */
      readonly firstFailureAt: number;
      /** Ejections so far; forgotten once the breaker stayed closed for the longest ejection. */
      readonly ejections: number;
      readonly closedAt: number;
    }
  | { readonly is: 'Open'; readonly openedAt: number; readonly until: number; readonly ejections: number }
  /** One probe is under way. */
  | {
      readonly is: 'HalfOpen';
      readonly openedAt: number;
      readonly until: number;
      readonly ejections: number;
    };

export interface BreakerPolicy {
  readonly consecutiveErrors: number;
  readonly ejectionMs: number;
  readonly maxEjectionMs: number;
}

export interface Evidence {
  readonly startedAt: number;
  readonly now: number;
  /** The attempt was this breaker's probe. */
  readonly probe: boolean;
}

export interface FailureEvidence extends Evidence {
  /** One such failure is proof enough. */
  readonly atOnce: boolean;
  /** The provider's own word for when to come back. */
  readonly retryAfterMs: number | undefined;
  /** It is about a limit: waiting longer each time would leave unused what is free by then. */
  readonly ofLimit?: boolean;
}

export const HEALTHY: BreakerState = Object.freeze({
  is: 'Closed',
  failures: 0,
  firstFailureAt: 0,
  ejections: 0,
  closedAt: Number.NEGATIVE_INFINITY,
});

export function afterFailure(state: BreakerState, e: FailureEvidence, policy: BreakerPolicy): BreakerState {
  switch (state.is) {
    case 'Closed': {
      if (e.startedAt < state.closedAt) return state;
      if (e.atOnce || e.retryAfterMs !== undefined) return open(e, policy, pastEjections(state, e, policy));
      if (state.failures > 0 && e.startedAt < state.firstFailureAt) return state;
      const failures = state.failures + 1;
      if (failures >= policy.consecutiveErrors) return open(e, policy, pastEjections(state, e, policy));
      return { ...state, failures, firstFailureAt: state.failures === 0 ? e.now : state.firstFailureAt };
    }
    case 'Open':
      return withRetryAfter(state, e);
    case 'HalfOpen':
      return e.probe ? open(e, policy, state.ejections, state.until) : withRetryAfter(state, e);
  }
}

export function afterSuccess(state: BreakerState, e: Evidence, policy: BreakerPolicy): BreakerState {
  switch (state.is) {
    case 'Closed':
      if (state.failures > 0 && e.startedAt >= state.firstFailureAt) {
        return settled({ ...state, failures: 0, firstFailureAt: 0 }, e, policy);
      }
      return state.failures === 0 ? settled(state, e, policy) : state;
    case 'Open':
    case 'HalfOpen':
      // A last-resort attempt is as good a proof as a probe, if it saw the provider after it was ejected.
      if (!e.probe && e.startedAt < state.openedAt) return state;
      return { is: 'Closed', failures: 0, firstFailureAt: 0, ejections: state.ejections, closedAt: e.now };
  }
}

/** The breaker with its one probe under way, or undefined if none may start now. */
export function startProbe(state: BreakerState, now: number): BreakerState | undefined {
  if (state.is !== 'Open' || now < state.until) return undefined;
  return { ...state, is: 'HalfOpen' };
}

/** The probe ended without saying anything, such as by its caller leaving: the next one may start at once. */
export function abandonProbe(state: BreakerState): BreakerState {
  return state.is === 'HalfOpen' ? { ...state, is: 'Open' } : state;
}

function open(e: FailureEvidence, policy: BreakerPolicy, ejections: number, until = 0): BreakerState {
  const told = e.ofLimit === true && e.retryAfterMs !== undefined;
  const doublings = told ? 0 : Math.min(ejections, 30);
  const ejection = Math.min(policy.ejectionMs * 2 ** doublings, policy.maxEjectionMs);
  return {
    is: 'Open',
    openedAt: e.now,
    until: Math.max(e.now + ejection, e.now + (e.retryAfterMs ?? 0), until),
    ejections: told ? ejections : ejections + 1,
  };
}

function withRetryAfter<S extends BreakerState & { until: number }>(state: S, e: FailureEvidence): S {
  const until = e.now + (e.retryAfterMs ?? 0);
  return until > state.until ? { ...state, until } : state;
}

function pastEjections(
  state: BreakerState & { is: 'Closed' },
  e: FailureEvidence,
  policy: BreakerPolicy,
): number {
  return e.now - state.closedAt < policy.maxEjectionMs ? state.ejections : 0;
}

function settled(state: BreakerState & { is: 'Closed' }, e: Evidence, policy: BreakerPolicy): BreakerState {
  if (state.ejections === 0) return HEALTHY;
  return e.now - state.closedAt >= policy.maxEjectionMs ? HEALTHY : state;
}
