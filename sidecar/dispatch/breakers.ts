/**
 * All breakers of this sidecar, by what failed: the endpoint of a provider, a model there, a key, a key for one model.
 * Nothing is kept for what is healthy, so a request to a healthy provider costs one look-up.
 */
import type { BreakerScope, Verdict } from '../providers/failures.ts';
import type { Candidate, Ejection, HealthView } from '../routing/plan.ts';
import {
  abandonProbe,
  afterFailure,
  afterSuccess,
  type BreakerPolicy,
  type BreakerState,
  HEALTHY,
  startProbe,
} from './breaker.ts';
import type { CredentialSource } from './keys.ts';

type Scope = Exclude<BreakerScope, 'None'>;

/** A breaker that is not healthy, or not yet again. */
class Breaker {
  readonly scope: Scope;
  readonly providerId: string;
  readonly name: string;
  readonly home: Map<string, Breaker>;
  state: BreakerState = HEALTHY;
  /** What opened it, where that is more than failures in a row. */
  why: string | undefined = undefined;
  /** The provider itself said until when its limit is used up. */
  told = false;
  /** The key that failed: a new value under the same id starts with a clean record. */
  #secret: string | undefined;

  constructor(scope: Scope, providerId: string, name: string, home: Map<string, Breaker>) {
    this.scope = scope;
    this.providerId = providerId;
    this.name = name;
    this.home = home;
  }

  remember(secret: string | undefined): void {
    this.#secret = secret;
  }

  isAbout(secret: string | undefined): boolean {
    return this.#secret === undefined || this.#secret === secret;
  }
}

/** What an attempt holds of the breakers while it runs. */
export type Admission =
  | { readonly kind: 'Go' }
  /** This attempt is the probe of these breakers and must be ended with `success`, `failure` or `abandon`. */
  | { readonly kind: 'Probe'; readonly breakers: readonly Breaker[] };

const GO: Admission = { kind: 'Go' };

export interface AttemptEvidence {
  readonly candidate: Candidate;
  /** Tells callers with keys of their own apart; undefined with ours. */
  readonly caller: string | undefined;
  /** The key that was sent. */
  readonly secret: string | undefined;
  readonly admission: Admission;
  readonly startedAt: number;
  /** An HTTP response came: the endpoint works, whatever it said. */
  readonly answered: boolean;
  /** The answer took longer than the provider's configuration calls slow. */
  readonly slow?: boolean;
}

/** A breaker opened, let a probe through, or closed; for metrics and the log. */
export interface BreakerEvent {
  readonly kind: 'Ejected' | 'Probing' | 'Recovered';
  readonly scope: Scope;
  readonly providerId: string;
  /** Model, credential, or both; empty for an endpoint. */
  readonly name: string;
  /** Milliseconds of the ejection; else 0. */
  readonly ms: number;
}

export interface BreakersOptions {
  readonly credentials: CredentialSource;
  readonly onEvent?: (event: BreakerEvent) => void;
}

/** Per provider; asked models may be names that callers invent, so the oldest go first. */
const MAX_BREAKERS = 1024;

export class Breakers implements HealthView {
  readonly #credentials: CredentialSource;
  readonly #onEvent: ((event: BreakerEvent) => void) | undefined;
  readonly #providers = new Map<string, Map<string, Breaker>>();

  constructor(options: BreakersOptions) {
    this.#credentials = options.credentials;
    this.#onEvent = options.onEvent;
  }

  hasCredential(id: string): boolean {
    return this.#credentials.has(id);
  }

  /**
   * The longest of what stands against a candidate now. When its time is over a probe may start, so nothing stands
   * against it any more, except for requests that are not free to be repeated: those cannot be probes.
   */
  ejection(candidate: Candidate, now: number, free = true, caller?: string): Ejection | undefined {
    const breakers = this.#of(candidate, caller);
    return breakers === undefined ? undefined : worst(breakers, now, free);
  }

  /** Takes part in an attempt that is about to be sent; makes it the probe of what is due for one. */
  admit(candidate: Candidate, now: number, free: boolean, caller: string | undefined): Admission {
    const breakers = free ? this.#of(candidate, caller) : undefined;
    if (breakers === undefined || worst(breakers, now, free) !== undefined) return GO;
    const due = breakers.filter((b) => b.state.is === 'Open');
    if (due.length === 0) return GO;
    for (const breaker of due) {
      const next = startProbe(breaker.state, now);
      if (next) this.#move(breaker, next, now);
    }
    return { kind: 'Probe', breakers: due };
  }

  /** False: all is well with the provider, and a success is nothing new. */
  watches(providerId: string): boolean {
    return this.#providers.has(providerId);
  }

  success(e: AttemptEvidence, now: number): void {
    const breakers = this.#of(e.candidate, e.caller);
    if (breakers === undefined) return;
    for (const breaker of breakers) this.#pass(breaker, e, now);
  }

  failure(e: AttemptEvidence, verdict: Verdict, retryAfterMs: number | undefined, now: number): void {
    const { scope } = verdict;
    if (scope !== 'None') {
      const breaker = this.#get(e.candidate, scope, e.caller) ?? this.#create(e.candidate, scope, e.caller);
      if (scope === 'Credential' || scope === 'CredentialModel') breaker.remember(e.secret);
      breaker.told = scope === 'CredentialModel' && retryAfterMs !== undefined;
      this.#move(
        breaker,
        afterFailure(
          breaker.state,
          {
            startedAt: e.startedAt,
            now,
            probe: isProbe(e, breaker),
            atOnce: verdict.row.atOnce === true,
            retryAfterMs,
            ofLimit: scope === 'CredentialModel',
          },
          e.candidate.provider.passive,
        ),
        now,
      );
    }
    if (e.answered && scope !== 'Endpoint') {
      const endpoint = this.#get(e.candidate, 'Endpoint', undefined);
      if (endpoint) this.#pass(endpoint, e, now);
    }
    this.abandon(e);
  }

  /** Ejects a model for what became of many calls together. */
  trip(candidate: Candidate, why: string, now: number): void {
    const breaker = this.#get(candidate, 'Model', undefined) ?? this.#create(candidate, 'Model', undefined);
    const evidence = { startedAt: now, now, probe: false, atOnce: true, retryAfterMs: undefined };
    const next = afterFailure(breaker.state, evidence, candidate.provider.passive);
    if (breaker.state.is === 'Closed') breaker.why = why;
    this.#move(breaker, next, now);
  }

  /** The attempt said nothing about what it probed: the next one may. */
  abandon(e: Pick<AttemptEvidence, 'admission'>): void {
    if (e.admission.kind !== 'Probe') return;
    for (const breaker of e.admission.breakers) breaker.state = abandonProbe(breaker.state);
  }

  /** Forgets providers that are no longer configured. */
  retain(providerIds: ReadonlySet<string>): void {
    for (const id of this.#providers.keys()) if (!providerIds.has(id)) this.#providers.delete(id);
  }

  #of(candidate: Candidate, caller: string | undefined): Breaker[] | undefined {
    const home = this.#providers.get(candidate.providerId);
    if (home === undefined || home.size === 0) return undefined;
    const found: Breaker[] = [];
    for (const scope of SCOPES) {
      const breaker = this.#get(candidate, scope, caller);
      if (breaker) found.push(breaker);
    }
    return found.length > 0 ? found : undefined;
  }

  #get(candidate: Candidate, scope: Scope, caller: string | undefined): Breaker | undefined {
    const home = this.#providers.get(candidate.providerId);
    const name = nameOf(candidate, scope, caller);
    if (home === undefined || name === undefined) return undefined;
    const breaker = home.get(`${scope} ${name}`);
    if (breaker === undefined) return undefined;
    const id = candidate.credential?.id;
    const ours = id !== undefined && caller === undefined;
    if (ours && (scope === 'Credential' || scope === 'CredentialModel')) {
      if (!breaker.isAbout(this.#credentials.get(id))) {
        home.delete(`${scope} ${name}`);
        return undefined;
      }
    }
    return breaker;
  }

  #create(candidate: Candidate, scope: Scope, caller: string | undefined): Breaker {
    let home = this.#providers.get(candidate.providerId);
    if (home === undefined) {
      home = new Map();
      this.#providers.set(candidate.providerId, home);
    }
    const [oldest] = home.size >= MAX_BREAKERS ? home.keys() : [];
    if (oldest !== undefined) home.delete(oldest);
    const name = nameOf(candidate, scope, caller) ?? '';
    const breaker = new Breaker(scope, candidate.providerId, name, home);
    home.set(`${scope} ${name}`, breaker);
    return breaker;
  }

  #pass(breaker: Breaker, e: AttemptEvidence, now: number): void {
    const policy: BreakerPolicy = e.candidate.provider.passive;
    const evidence = { startedAt: e.startedAt, now, probe: isProbe(e, breaker) };
    const late = e.slow === true && breaker.scope === 'Model' && breaker.state.is !== 'Closed';
    const next = late
      ? afterFailure(breaker.state, { ...evidence, atOnce: true, retryAfterMs: undefined }, policy)
      : afterSuccess(breaker.state, evidence, policy);
    this.#move(breaker, next, now);
  }

  #move(breaker: Breaker, next: BreakerState, now: number): void {
    const before = breaker.state;
    breaker.state = next;
    if (next === HEALTHY) breaker.home.delete(`${breaker.scope} ${breaker.name}`);
    if (next.is === before.is) return;
    if (next.is === 'Closed') breaker.why = undefined;
    const kind = EVENTS[next.is];
    const { scope, providerId, name } = breaker;
    this.#onEvent?.({ kind, scope, providerId, name, ms: next.is === 'Open' ? next.until - now : 0 });
  }
}

const EVENTS = { Open: 'Ejected', HalfOpen: 'Probing', Closed: 'Recovered' } as const;

const SCOPES: readonly Scope[] = ['Endpoint', 'Model', 'Credential', 'CredentialModel'];

function nameOf(candidate: Candidate, scope: Scope, caller: string | undefined): string | undefined {
  switch (scope) {
    case 'Endpoint':
      return '';
    case 'Model':
      return candidate.upstreamModel;
    default: {
      const id = candidate.credential?.id;
      if (candidate.credential?.type === 'Passthrough' && caller === undefined) return undefined;
      const key = `${id ?? ''}${caller === undefined ? '' : `#${caller}`}`;
      return scope === 'Credential' ? key : `${key} ${candidate.upstreamModel}`;
    }
  }
}

function isProbe(e: AttemptEvidence, breaker: Breaker): boolean {
  return e.admission.kind === 'Probe' && e.admission.breakers.includes(breaker);
}

function worst(breakers: readonly Breaker[], now: number, free: boolean): Ejection | undefined {
  let found: Ejection | undefined;
  for (const { scope, state, why, told } of breakers) {
    if (state.is === 'Closed' || (free && state.is === 'Open' && now >= state.until)) continue;
    if (found === undefined || state.until > found.until) {
      found = { scope, until: state.until, probing: state.is === 'HalfOpen' };
      if (why !== undefined) found.why = why;
      if (told) found.told = true;
    }
  }
  return found;
}
