/** The ledger's view of an exchange: one row per attempt, failed ones included. */
import type { Served } from '../cache/use.ts';
import { type Attempt, answering, type Exchange } from '../exchange.ts';
import { type Purpose, parentOf } from '../internal/internal-rule.ts';
import type { Charge } from './charge.ts';
import { savedNanoUsd } from './counterfactual.ts';
import type { ServiceTier } from './service-tier.ts';
import { NO_USAGE, type Usage } from './usage.ts';

/** (pod uid, epoch, seq) identifies a row for ever; the spool gives the seq. JSON as it travels to the operator. */
export interface Row {
  type: 'Attempt';
  /** Request the attempt belongs to, and its position in it. */
  request: string;
  attempt: number;
  /** Milliseconds of the wall clock at the attempt's end. */
  at: number;
  operation: string;
  /** A request of our own, what it was for. Absent: a caller's. */
  purpose?: Purpose;
  /** With it: the request on whose behalf it was made; absent where it was nobody's. */
  parent?: string;
  /** Experiment and arm that the request was in; the arm `mirror.<target>` of a copy. Absent: none. */
  experiment?: string;
  arm?: string;
  /** `namespace/name`; absent where no route was found. */
  route?: string;
  rule: string;
  target: string;
  provider: string;
  credential?: string;
  /** Name the provider was asked for. */
  model: string;
  /** CacheHit: nobody was asked; the answer had been given before, to the same or a like question. */
  kind: Attempt['kind'] | 'CacheHit';
  outcome: 'Ok' | 'Failed' | 'Cancelled';
  failure?: string;
  /** Absent: the standard one, or the vendor does not say. */
  serviceTier?: Exclude<ServiceTier, 'Standard'>;
  source: 'Provider' | 'Estimated' | 'None' | 'Unknown';
  usage: Usage;
  /** Decimal string; absent when the price is unknown. */
  costNanoUsd?: string;
  /** Decimal string; what the request would have cost more at the dearest target it could have gone to. Absent: nothing to compare. */
  savedNanoUsd?: string;
  /** Tokens of the prompt, by estimate, that were not sent for the rule's context. Absent: none. */
  savedTokens?: number;
  /** Budgets that the cost counts against. Rows that charge the same share one list. Absent: none. */
  charges?: readonly Charge[];
  /** Whom it is charged to besides the namespace: as its route says, else its first budget. Absent: they tell nobody apart. */
  key?: string;
}

/** Many rows folded into one because the spool was full: sums are kept, single attempts are not. */
export interface TotalRow {
  type: 'Total';
  route?: string;
  provider: string;
  model: string;
  source: Row['source'];
  /** Rows folded in, and how many of them had no price. */
  rows: number;
  unpriced: number;
  /** Wall clock of the first and the last. */
  from: number;
  to: number;
  usage: Usage;
  costNanoUsd: string;
  savedNanoUsd?: string;
  savedTokens?: number;
  charges?: readonly Charge[];
  key?: string;
}

export type Sequenced<R> = R & { seq: number };

/** Where rows go. Never blocks and never throws. */
export interface RowSink {
  append(row: Row): void;
}

/** Every attempt of a complete exchange, in order. Attempts must be settled. */
export function rowsOf(exchange: Exchange): Row[] {
  const rows = exchange.attempts.map((attempt, index) => rowOf(exchange, attempt, index));
  noteSaving(exchange, rows);
  const hit = exchange.cache?.served && hitRow(exchange, exchange.cache.served);
  if (hit) rows.push(hit);
  if (exchange.savedTokens !== undefined) noteShortened(exchange, exchange.savedTokens, rows);
  return rows;
}

/** It used nothing; what the answer cost when it was asked for is saved, if the caller got it. */
function hitRow(exchange: Exchange, { candidate, savedNanoUsd }: Served): Row {
  const { outcome, attempts } = exchange;
  const ok = outcome !== undefined && !outcome.cancelled && !outcome.broken;
  const row: Row = {
    type: 'Attempt',
    request: exchange.id,
    attempt: attempts.length,
    at: Math.round(exchange.startedWall + ((outcome?.endedAt ?? exchange.startedAt) - exchange.startedAt)),
    operation: exchange.dialect.operation,
    rule: exchange.plan?.rule.name ?? '',
    target: candidate.target.name,
    provider: candidate.providerId,
    model: candidate.upstreamModel,
    kind: 'CacheHit',
    outcome: ok ? 'Ok' : outcome?.broken === true ? 'Failed' : 'Cancelled',
    source: 'None',
    usage: { ...NO_USAGE },
    costNanoUsd: '0',
  };
  if (exchange.route !== undefined) row.route = exchange.route;
  if (ok && savedNanoUsd !== undefined) row.savedNanoUsd = savedNanoUsd.toString();
  if (exchange.chargedTo !== undefined) row.key = exchange.chargedTo;
  return row;
}

/** Tokens are saved once, however many attempts it took. */
function noteShortened(exchange: Exchange, tokens: number, rows: readonly Row[]): void {
  const served = answering(exchange.attempts);
  const row = served && rows[exchange.attempts.indexOf(served)];
  if (row) row.savedTokens = tokens;
}

/** Of the attempt that the caller was answered from. */
function noteSaving(exchange: Exchange, rows: readonly Row[]): void {
  // Most rules have one candidate left, and nothing to compare it with.
  if (exchange.internal || (exchange.plan?.candidates.length ?? 0) < 2) return;
  const index = exchange.attempts.findIndex(
    ({ committedAt, failure, cancelled }) => committedAt !== undefined && failure === undefined && !cancelled,
  );
  const [served, row] = [exchange.attempts[index], rows[index]];
  const saved = served && savedNanoUsd(exchange, served);
  if (row && saved !== undefined) row.savedNanoUsd = saved.toString();
}

function rowOf(exchange: Exchange, attempt: Attempt, index: number): Row {
  const { candidate, settlement } = attempt;
  if (!settlement) throw new Error(`attempt ${index} of ${exchange.id} is not settled`);
  const row: Row = {
    type: 'Attempt',
    request: exchange.id,
    attempt: index,
    at: Math.round(exchange.startedWall + ((attempt.endedAt ?? attempt.startedAt) - exchange.startedAt)),
    operation: exchange.dialect.operation,
    rule: exchange.plan?.rule.name ?? '',
    target: candidate.target.name,
    provider: candidate.providerId,
    model: candidate.upstreamModel,
    kind: attempt.kind,
    outcome: attempt.cancelled ? 'Cancelled' : attempt.failure === undefined ? 'Ok' : 'Failed',
    source: settlement.source,
    usage: settlement.usage,
  };
  if (exchange.internal) {
    row.purpose = exchange.internal.purpose;
    const parent = parentOf(exchange.id);
    if (parent !== undefined) row.parent = parent;
  }
  const arm = exchange.plan?.arm;
  if (arm) {
    row.experiment = arm.experiment.body.name;
    row.arm = arm.arm.name;
  }
  if (exchange.route !== undefined) row.route = exchange.route;
  if (candidate.credential) row.credential = candidate.credential.name;
  if (attempt.failure !== undefined) row.failure = attempt.failure;
  const { serviceTier } = attempt;
  if (serviceTier !== undefined && serviceTier !== 'Standard') row.serviceTier = serviceTier;
  if (settlement.costNanoUsd !== undefined) row.costNanoUsd = settlement.costNanoUsd.toString();
  const { spend } = attempt;
  if (spend !== undefined) {
    row.charges = spend.charges;
    if (spend.key !== '') row.key = spend.key;
  }
  const { chargedTo } = exchange.payer ?? exchange;
  if (chargedTo !== undefined) row.key = chargedTo;
  return row;
}
