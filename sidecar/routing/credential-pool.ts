/** Which credential of a target's pool a request uses: by weight among those that are here, healthy, and not used up. */
import { CALLER_KEY_HEADERS } from '../providers/caller-keys.ts';
import type { RuleBody } from '../snapshot/schema.ts';
import { priorityOf, type Shortage } from './headroom.ts';
import type { Candidate, Ejection, HealthView, RequestFacts } from './plan.ts';
import type { RoutingState } from './state.ts';
import { candidate, type TableTarget } from './target.ts';

export type PoolChoice =
  /** `alternates`: further healthy credentials of the pool, in its order. */
  | { state: 'Healthy'; candidate: Candidate; alternates: Candidate[] }
  /** None of the healthy ones has headroom; this one has it first. */
  | { state: 'Short'; candidate: Candidate; until: number; detail: string }
  /** Every credential that is here is ejected; this one comes back first. */
  | {
      state: 'Ejected';
      candidate: Candidate;
      until: number;
      limit: 'Told' | 'Guessed' | undefined;
      detail: string;
    }
  /** No value of any credential is here. */
  | { state: 'Missing'; detail: string };

const NONE: Candidate[] = [];

/** What decides about credentials, besides the request. `random` gives 0 <= value < 1. */
export interface PoolContext {
  readonly rule: RuleBody;
  readonly facts: RequestFacts;
  readonly health: HealthView;
  readonly state: Pick<RoutingState, 'headroom'>;
  readonly now: number;
  readonly random: () => number;
}

export function chooseCredential(target: TableTarget, context: PoolContext): PoolChoice {
  const { facts, health, now, random } = context;
  if (target.pool.length === 1) return onlyCredential(target, context);
  const healthy: Candidate[] = [];
  let weight = 0;
  let ejected: PoolChoice | undefined;
  let short: PoolChoice | undefined;
  for (let i = 0; i < target.pool.length; i++) {
    if (!isHere(target, i, facts, health)) continue;
    const one = candidate(target, facts, i);
    const ejection = health.ejection(one, now);
    if (!ejection) {
      const shortage = shortageOf(one, context);
      if (!shortage) {
        healthy.push(one);
        weight += one.credential?.weight ?? 1;
      } else if (short?.state !== 'Short' || shortage.until < short.until) {
        short = { state: 'Short', candidate: one, until: shortage.until, detail: shortage.detail };
      }
    } else if (ejected?.state !== 'Ejected' || ejection.until < ejected.until) {
      ejected = {
        state: 'Ejected',
        candidate: one,
        until: ejection.until,
        limit: limitOf(ejection),
        detail: ejectionDetail(ejection, now),
      };
    }
  }
  if (healthy.length === 0) return short ?? ejected ?? missing(target);
  let draw = random() * weight;
  let chosen = healthy.length - 1;
  for (let i = 0; i < healthy.length; i++) {
    draw -= healthy[i]?.credential?.weight ?? 1;
    if (draw < 0) {
      chosen = i;
      break;
    }
  }
  const [first] = healthy.splice(chosen, 1);
  return { state: 'Healthy', candidate: first as Candidate, alternates: healthy };
}

function onlyCredential(target: TableTarget, context: PoolContext): PoolChoice {
  const { facts, health, now } = context;
  if (!isHere(target, 0, facts, health)) return missing(target);
  const one = candidate(target, facts, 0);
  const ejection = health.ejection(one, now);
  if (!ejection) return withHeadroom(one, context);
  const { until } = ejection;
  const detail = ejectionDetail(ejection, now);
  return { state: 'Ejected', candidate: one, until, limit: limitOf(ejection), detail };
}

/** The pool's first credential, healthy or not: pinned requests go where configuration says. */
export function pinnedCredential(target: TableTarget, context: PoolContext): PoolChoice {
  const { facts, health } = context;
  if (!isHere(target, 0, facts, health)) return missing(target);
  return withHeadroom(candidate(target, facts, 0), context);
}

/** A sentence for each key of the pool that the request would not use now. */
export function leftOut(target: TableTarget, context: PoolContext): string[] {
  const { facts, health, now } = context;
  return target.pool.flatMap((credential, i) => {
    if (credential === undefined) return [];
    const one = candidate(target, facts, i);
    const why = isHere(target, i, facts, health) ? undefined : 'no value has arrived';
    const ejection = why === undefined ? health.ejection(one, now) : undefined;
    const shortage = why === undefined && !ejection ? shortageOf(one, context) : undefined;
    const said = why ?? (ejection && ejectionDetail(ejection, now)) ?? shortage?.detail;
    return said === undefined ? [] : [`without key ${credential.name}: ${said}`];
  });
}

function withHeadroom(one: Candidate, context: PoolContext): PoolChoice {
  const short = shortageOf(one, context);
  if (!short) return { state: 'Healthy', candidate: one, alternates: NONE };
  return { state: 'Short', candidate: one, until: short.until, detail: short.detail };
}

const shortageOf = (one: Candidate, { rule, facts, state, now }: PoolContext): Shortage | undefined =>
  state.headroom.shortage(one, facts, priorityOf(rule), now);

/** A passed-through credential is the caller's own; any other must have arrived. */
function isHere(target: TableTarget, i: number, facts: RequestFacts, health: HealthView): boolean {
  const credential = target.pool[i];
  if (credential === undefined) return true;
  if (credential.type === 'Passthrough')
    return CALLER_KEY_HEADERS.some((name) => facts.header(name) !== undefined);
  // The sidecar gets the token itself, when a request needs it.
  if (credential.type === 'Workload') return true;
  return health.hasCredential(credential.id);
}

function missing(target: TableTarget): PoolChoice {
  const names = target.pool.map((credential) => credential?.id ?? '').join(', ');
  const passed = target.pool.some((credential) => credential?.type === 'Passthrough');
  const detail = passed
    ? `the caller sent no key of its own for credential ${names}`
    : `no value has arrived for credential ${names}`;
  return { state: 'Missing', detail };
}

const SCOPES = {
  Credential: 'the credential',
  CredentialModel: 'the model for this credential',
  Model: 'the model at this provider',
  Endpoint: 'the endpoint',
};

function ejectionDetail(ejection: Ejection, now: number): string {
  const what = SCOPES[ejection.scope];
  const wait = Math.ceil(Math.max(0, ejection.until - now) / 1000);
  const why = ejection.why === undefined ? '' : `: ${ejection.why}`;
  return ejection.probing
    ? `${what} is ejected while one probe is under way${why}`
    : `${what} is ejected for ${wait} s more${why}`;
}

/** Whether it is a limit that is used up, and who says so. */
function limitOf({ scope, told }: Ejection): 'Told' | 'Guessed' | undefined {
  if (scope !== 'CredentialModel') return undefined;
  return told === true ? 'Told' : 'Guessed';
}
