/**
 * PURE: what is due to be done about the keyring. Two thirds into a life its successor is made, so that a third of it is left
 * for everything that may be slow or broken.
 */
import type { Credential, Keyring } from './keyring.ts';

/** All in milliseconds. */
export interface Lifetimes {
  authorityMs: number;
  servingMs: number;
}

/** All in milliseconds. */
export interface RotationWaits {
  /** A new authority is in the bundle for at least this long, so that pods which are just being made have it. */
  settleMs: number;
  /** How long sidecars that are not connected, or cannot say what they trust, are waited for. */
  silentMs: number;
  /** A leader listens this long before it takes who it has heard of for all there are. */
  listenMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const DEFAULT_LIFETIMES: Lifetimes = { authorityMs: 365 * DAY_MS, servingMs: 90 * DAY_MS };
export const DEFAULT_WAITS: RotationWaits = {
  settleMs: 10 * MINUTE_MS,
  silentMs: DAY_MS,
  listenMs: MINUTE_MS,
};

/** How the sidecars stand to the bundle that is published. */
export interface FleetTrust {
  /** Connected sidecars that said they trust another one. */
  behind: number;
  /** Sidecars that are not connected, or that do not say. */
  silent: number;
}

export interface RotationFacts {
  /** Milliseconds since the epoch. */
  now: number;
  /** Only a leader rotates: it alone hears all sidecars. Anyone may make or mend what is missing. */
  isLeader: boolean;
  leaderForMs: number;
  /** What the serving certificate must be valid for. */
  names: readonly string[];
  fleet: FleetTrust;
  /** Everything else that must trust the bundle, such as the API server when it calls the webhook, has it. */
  published: boolean;
  lifetimes: Lifetimes;
  waits: RotationWaits;
}

export type Step =
  | { kind: 'None'; againInMs: number }
  /** A new authority from nothing: nobody trusts it yet, so only where there is none that is any good. */
  | { kind: 'Create'; reason: string }
  | { kind: 'IssueServing'; reason: string }
  | { kind: 'Introduce' }
  /** The authority that was introduced begins to sign. Unready: some do not trust it, and there is no time left. */
  | { kind: 'Promote'; unready: boolean }
  | { kind: 'Retire' };

/** However far away the next step is: a look is cheap, clocks may jump, and timers do not hold for months. */
const LOOK_MS = HOUR_MS;
/** Between two looks at who has acknowledged. */
const POLL_MS = 10_000;
/** Before an authority ends, its successor signs whoever trusts it: the old one will serve nobody. */
const LAST_MOMENT_MS = DAY_MS;
const LAST_MOMENT_SHARE = 50;
/** A serving certificate cannot outlive its authority; renewing it for less than this gains nothing. */
const WORTHWHILE_MS = MINUTE_MS;

export function nextStep(keyring: Keyring | undefined, facts: RotationFacts): Step {
  if (!keyring) return { kind: 'Create', reason: 'there is none' };
  return (
    unlessUsable(keyring, facts.now) ??
    (facts.isLeader ? (servingStep(keyring, facts) ?? authorityStep(keyring, facts)) : undefined) ?? {
      kind: 'None',
      againInMs: keyring.state === 'Introducing' && facts.isLeader ? POLL_MS : LOOK_MS,
    }
  );
}

/** Nothing can be served with what has expired, so any replica mends it. */
function unlessUsable(keyring: Keyring, now: number): Step | undefined {
  if (now >= keyring.signer.notAfter) {
    return keyring.state === 'Introducing' && now < keyring.next.notAfter
      ? { kind: 'Promote', unready: true }
      : { kind: 'Create', reason: 'the authority has expired' };
  }
  return now >= keyring.serving.notAfter ? { kind: 'IssueServing', reason: 'it has expired' } : undefined;
}

function servingStep(
  { serving, signer }: Keyring,
  { now, names, lifetimes }: RotationFacts,
): Step | undefined {
  if (names.length !== serving.names.length || names.some((name) => !serving.names.includes(name))) {
    return { kind: 'IssueServing', reason: 'it is for other names' };
  }
  const end = Math.min(now + lifetimes.servingMs, signer.notAfter);
  const worthwhile = end - serving.notAfter > WORTHWHILE_MS;
  return now >= dueAt(serving) && worthwhile
    ? { kind: 'IssueServing', reason: 'two thirds of its life are over' }
    : undefined;
}

function authorityStep(keyring: Keyring, facts: RotationFacts): Step | undefined {
  switch (keyring.state) {
    case 'Stable':
      return facts.now >= dueAt(keyring.signer) ? { kind: 'Introduce' } : undefined;
    case 'Introducing': {
      if (isTrusted(keyring.since, facts)) return { kind: 'Promote', unready: false };
      return facts.now >= lastMoment(keyring.signer) ? { kind: 'Promote', unready: true } : undefined;
    }
    case 'Retiring':
      return facts.now >= keyring.until ? { kind: 'Retire' } : undefined;
  }
}

/** A new authority signs only after every connected sidecar acknowledged it. */
function isTrusted(since: number, { now, leaderForMs, fleet, published, waits }: RotationFacts): boolean {
  const introducedMs = now - since;
  return (
    published &&
    leaderForMs >= waits.listenMs &&
    introducedMs >= waits.settleMs &&
    fleet.behind === 0 &&
    (fleet.silent === 0 || introducedMs >= waits.silentMs)
  );
}

function dueAt({ notBefore, notAfter }: Credential): number {
  return notBefore + ((notAfter - notBefore) * 2) / 3;
}

function lastMoment({ notBefore, notAfter }: Credential): number {
  return notAfter - Math.min(LAST_MOMENT_MS, (notAfter - notBefore) / LAST_MOMENT_SHARE);
}
