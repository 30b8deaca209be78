/**
 * Affinity fixes the first choice among healthy targets of one priority and leaves the rest in the order of the strategy.
 *
 * The owner of a key is drawn from target and credential together, by their weights. A target that is known to have the prompt
 * in its cache goes first instead where that is sure to cost less: what the cache saves there is more than what the owner's
 * prices would.
 */
import { inputPicoUsd, pricesFor } from '../../accounting/price.ts';
import { formatUsd } from '../../accounting/usd.ts';
import { pricesOf } from '../../snapshot/prices.ts';
import type { RuleBody } from '../../snapshot/schema.ts';
import type { AffinityBody } from '../../snapshot/shapes/affinity.ts';
import { expectedCost } from '../observed/expected.ts';
import type { Candidate, RequestFacts, Step } from '../plan.ts';
import type { RoutingState } from '../state.ts';
import { keyNumber, ticket } from './rendezvous.ts';
import { type StickyKey, stickyKey } from './sticky-key.ts';

/** The same key in every rule: a conversation that falls under another rule stays where it can. */
const SALT = 'affinity';

/** What a plan says of its affinity. */
export interface PlannedAffinity {
  readonly key: StickyKey;
  /** For the warm map. */
  readonly number: number;
}

export function affinityOf(affinity: AffinityBody, facts: RequestFacts): PlannedAffinity | undefined {
  const key = stickyKey(affinity.by, affinity.header, facts, SALT);
  return key && { key, number: keyNumber(key.hash) };
}

export interface SteerContext {
  readonly rule: RuleBody;
  readonly facts: RequestFacts;
  readonly now: number;
  readonly state: RoutingState;
}

/**
 * Reorders `fitting` in place; `alternates` are further credentials of the same targets, one of which may change places with
 * the one that was drawn for its target. Says whom it put first, and why.
 */
export function steer(
  { key, number }: PlannedAffinity,
  fitting: Candidate[],
  alternates: Candidate[],
  context: SteerContext,
): Step {
  let owner = fitting[0] as Candidate;
  let lowest = Infinity;
  for (const list of [fitting, alternates]) {
    for (const candidate of list) {
      const drawn = ticket(key.hash, memberOf(candidate), weightOf(candidate));
      if (drawn < lowest) {
        lowest = drawn;
        owner = candidate;
      }
    }
  }
  const { promptCache } = context.rule.affinity ?? {};
  const kept = promptCache && warmer(owner, number, [...fitting, ...alternates], context);
  const first = kept?.candidate ?? owner;
  putFirst(first, fitting, alternates);
  const healthy = `${memberOf(owner)} has the lowest ticket of ${fitting.length + alternates.length} by weight`;
  return {
    stage: 'plan',
    what: `affinity by ${key.kind}`,
    detail: kept ? `${healthy}; ${kept.why}` : `${healthy}, so it goes first`,
  };
}

/** Said where the request says nothing of what affinity goes by. */
export function noKey({ by }: AffinityBody): Step {
  return {
    stage: 'plan',
    what: `affinity by ${by}`,
    detail: 'the request says nothing of the kind: the strategy alone orders the targets',
  };
}

function putFirst(first: Candidate, fitting: Candidate[], alternates: Candidate[]): void {
  let at = fitting.indexOf(first);
  if (at < 0) {
    // One candidate per target: the credential that was drawn by chance becomes the alternate.
    at = fitting.findIndex(({ index }) => index === first.index);
    alternates[alternates.indexOf(first)] = fitting[at] as Candidate;
  }
  fitting.splice(at, 1);
  fitting.unshift(first);
}

interface Kept {
  candidate: Candidate;
  why: string;
}

/** The candidate whose warm cache makes it cheaper than the owner; undefined where none is sure to be. */
function warmer(
  owner: Candidate,
  key: number,
  all: readonly Candidate[],
  context: SteerContext,
): Kept | undefined {
  const { warm } = context.state;
  if (!warm.knows(key) || warm.tokens(key, owner, context.now) > 0) return undefined;
  const atOwner = costOf(owner, 0, context);
  if (atOwner === undefined) return undefined;
  let best: { candidate: Candidate; tokens: number; cost: number } | undefined;
  for (const candidate of all) {
    const tokens = warm.tokens(key, candidate, context.now);
    const cost = tokens === 0 ? undefined : costOf(candidate, tokens, context);
    if (cost !== undefined && cost < (best?.cost ?? atOwner)) best = { candidate, tokens, cost };
  }
  if (best === undefined) return undefined;
  const { candidate, tokens, cost } = best;
  const cold = costOf(candidate, 0, context) ?? cost;
  const gain = cold - atOwner;
  const leaving = gain > 0 ? `, leaving it would save ${usd(gain)} USD` : '';
  const why = `kept on ${memberOf(candidate)}: about ${tokens} tokens in its cache save ${usd(cold - cost)} USD${leaving}`;
  return { candidate, why };
}

/** Expected, in pico-USD; undefined where the price is unknown. */
function costOf(candidate: Candidate, warmTokens: number, context: SteerContext): number | undefined {
  const prices = pricesOf(candidate.model);
  const expected = expectedCost(candidate, context);
  if (prices === undefined || expected === undefined) return undefined;
  const { input, answerPicoUsd } = expected;
  const cacheRead = input > 0 ? Math.min(1, warmTokens / input) : 0;
  const shares = { cacheRead, cacheWrite5m: 0, cacheWrite1h: 0 };
  return answerPicoUsd + inputPicoUsd(input, shares, pricesFor(input, prices));
}

const memberOf = ({ target, credential }: Candidate): string =>
  credential === undefined ? target.name : `${target.name}#${credential.name}`;

const usd = (pico: number): string => formatUsd(BigInt(Math.round(pico / 1000)));

/** A target's weight, shared out among the credentials of its pool, healthy or not. */
function weightOf({ target, credential, provider }: Candidate): number {
  if (credential === undefined || target.credential !== undefined) return target.weight;
  let pool = 0;
  for (const one of provider.credentials)
    if (target.credentials === undefined || target.credentials.includes(one.name)) pool += one.weight;
  return pool === 0 ? target.weight : (target.weight * credential.weight) / pool;
}
