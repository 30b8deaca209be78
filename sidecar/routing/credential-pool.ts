/** Which credential of a target's pool a request uses: by weight among those that are here and healthy. */
import { CALLER_KEY_HEADERS } from '../providers/caller-keys.ts';
import type { Candidate, HealthView, RequestFacts } from './plan.ts';
import { candidate, type TableTarget } from './target.ts';

export type PoolChoice =
  /** `alternates`: further healthy credentials of the pool, in its order. */
  | { state: 'Healthy'; candidate: Candidate; alternates: Candidate[] }
  /** Every credential that is here is ejected; this one comes back first. */
  | { state: 'Ejected'; candidate: Candidate; until: number; detail: string }
  /** No value of any credential is here. */
  | { state: 'Missing'; detail: string };

const NONE: Candidate[] = [];

export function chooseCredential(
  target: TableTarget,
  facts: RequestFacts,
  health: HealthView,
  now: number,
  random: () => number,
): PoolChoice {
  if (target.pool.length === 1) return onlyCredential(target, facts, health, now);
  const healthy: Candidate[] = [];
  let weight = 0;
  let ejected: PoolChoice | undefined;
  for (let i = 0; i < target.pool.length; i++) {
    if (!isHere(target, i, facts, health)) continue;
    const one = candidate(target, facts, i);
    const ejection = health.ejection(one, now);
    if (!ejection) {
      healthy.push(one);
      weight += one.credential?.weight ?? 1;
    } else if (ejected?.state !== 'Ejected' || ejection.until < ejected.until) {
      ejected = {
        state: 'Ejected',
        candidate: one,
        until: ejection.until,
        detail: ejectionDetail(ejection, now),
      };
    }
  }
  if (healthy.length === 0) return ejected ?? missing(target);
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

function onlyCredential(
  target: TableTarget,
  facts: RequestFacts,
  health: HealthView,
  now: number,
): PoolChoice {
  if (!isHere(target, 0, facts, health)) return missing(target);
  const one = candidate(target, facts, 0);
  const ejection = health.ejection(one, now);
  if (!ejection) return { state: 'Healthy', candidate: one, alternates: NONE };
  return { state: 'Ejected', candidate: one, until: ejection.until, detail: ejectionDetail(ejection, now) };
}

/** The pool's first credential, healthy or not: pinned requests go where configuration says. */
export function pinnedCredential(target: TableTarget, facts: RequestFacts, health: HealthView): PoolChoice {
  if (!isHere(target, 0, facts, health)) return missing(target);
  return { state: 'Healthy', candidate: candidate(target, facts, 0), alternates: NONE };
}

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

function ejectionDetail(
  ejection: { scope: keyof typeof SCOPES; until: number; probing: boolean },
  now: number,
): string {
  const what = SCOPES[ejection.scope];
  const wait = Math.ceil(Math.max(0, ejection.until - now) / 1000);
  return ejection.probing
    ? `${what} is ejected while one probe is under way`
    : `${what} is ejected for ${wait} s more`;
}
