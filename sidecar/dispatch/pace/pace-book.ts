/**
 * What each target normally takes, learned from the attempts of rules that ask for it: time to the committing event, and
 * how fast answers come. Bounded; what is learned belongs to this pod alone and is gone with it.
 */
import type { Attempt, AttemptObserver, Exchange } from '../../exchange.ts';
import type { Candidate } from '../../routing/plan.ts';
import type { RuleBody } from '../../snapshot/schema.ts';
import { Hush } from './hush.ts';
import { Quantiles } from './quantiles.ts';

/** A percentile is worked out anew no more often. */
const FRESH_MS = 1000;

/** Of one model at one provider, and of streams or of complete answers: they have nothing in common. */
export class Pace {
  /** Milliseconds from the start of an attempt to the event that commits its answer. */
  readonly commitMs = new Quantiles();
  /** Bytes per second, from the first to the last of an answer; only of answers long enough to tell. */
  readonly bytesPerSecond = new Quantiles();
  #p99: number | undefined;
  #p99At = Number.NEGATIVE_INFINITY;

  /**
   * Milliseconds. With fewer than two hundred observations, the 95th percentile stands in for what cannot be told yet; undefined with
   * fewer than forty.
   */
  p99(now: number): number | undefined {
    if (this.#p99 === undefined || now - this.#p99At >= FRESH_MS) {
      this.#p99At = now;
      this.#p99 = this.commitMs.quantile(0.99, now) ?? this.commitMs.quantile(0.95, now);
    }
    return this.#p99;
  }
}

/** What is known of one model at one provider. */
interface Known {
  readonly hush: Hush;
  stream: Pace | undefined;
  whole: Pace | undefined;
}

/** Asked models may be names that callers invent: the oldest go first. */
const MAX_MODELS = 256;
/** Weight of an attempt that a learned limit ended. */
const OWN_DOING = 0.05;
const OWN_CODES: ReadonlySet<string | undefined> = new Set(['learned', 'silence']);
/** Answers below have no rate to speak of. */
const LEAST_RATED_BYTES = 2048;
const LEAST_RATED_MS = 250;

export class PaceBook implements AttemptObserver {
  /** By provider, then by model. */
  readonly #providers = new Map<string, Map<string, Known>>();

  /** Undefined: nothing is known yet. */
  of(candidate: Candidate, stream: boolean): Pace | undefined {
    const known = this.#providers.get(candidate.providerId)?.get(candidate.upstreamModel);
    return stream ? known?.stream : known?.whole;
  }

  /** Undefined: nothing is known yet. */
  hushOf({ providerId, upstreamModel }: Candidate): Hush | undefined {
    return this.#providers.get(providerId)?.get(upstreamModel)?.hush;
  }

  committed(attempt: Attempt, exchange: Exchange): void {
    const { candidate, startedAt, committedAt } = attempt;
    if (committedAt === undefined) return;
    const tookMs = committedAt - startedAt;
    if (isLearned(exchange.plan?.rule))
      paceIn(this.#get(candidate), isStreamed(exchange)).commitMs.observe(tookMs, committedAt);
    // Whatever the rule: who answers anybody is not silent.
    this.hushOf(candidate)?.heard(committedAt, tookMs);
  }

  ended(attempt: Attempt, exchange: Exchange): void {
    const { candidate, startedAt, endedAt, committedAt } = attempt;
    if (endedAt === undefined || committedAt !== undefined) return;
    if (!attempt.cancelled && attempt.failure !== 'Timeout') {
      // A refusal is an answer too, but says nothing of how long one takes; nor does what came of a complete one, before it commits.
      if (attempt.httpStatus !== undefined) this.hushOf(candidate)?.heard(endedAt, 0);
    } else if (isLearned(exchange.plan?.rule)) {
      // Cut short by what was learned here, it says little: an outage must not teach us to wait for it.
      const weight = OWN_CODES.has(attempt.errorCode) ? OWN_DOING : 1;
      const { commitMs } = paceIn(this.#get(candidate), isStreamed(exchange));
      commitMs.observeAtLeast(endedAt - startedAt, endedAt, weight);
    }
  }

  /** An answer came to its end. */
  rated(candidate: Candidate, stream: boolean, bytes: number, ms: number, now: number): void {
    if (bytes < LEAST_RATED_BYTES || ms < LEAST_RATED_MS) return;
    paceIn(this.#get(candidate), stream).bytesPerSecond.observe((bytes * 1000) / ms, now);
  }

  /** Forgets providers that are no longer configured. */
  retain(providerIds: ReadonlySet<string>): void {
    for (const id of this.#providers.keys()) if (!providerIds.has(id)) this.#providers.delete(id);
  }

  #get({ providerId, upstreamModel }: Candidate): Known {
    let models = this.#providers.get(providerId);
    if (models === undefined) {
      models = new Map();
      this.#providers.set(providerId, models);
    }
    let known = models.get(upstreamModel);
    if (known === undefined) {
      const [oldest] = models.size >= MAX_MODELS ? models.keys() : [];
      if (oldest !== undefined) models.delete(oldest);
      known = { hush: new Hush(), stream: undefined, whole: undefined };
      models.set(upstreamModel, known);
    }
    return known;
  }
}

function paceIn(known: Known, stream: boolean): Pace {
  if (stream) return (known.stream ??= new Pace());
  return (known.whole ??= new Pace());
}

const isStreamed = ({ envelope, facts }: Exchange): boolean => envelope?.stream ?? facts?.stream ?? false;

/** Whether anything of the rule rests on what is learned here; nothing is kept for others. */
const isLearned = (rule: RuleBody | undefined): boolean =>
  rule !== undefined && (rule.hedge !== undefined || hasLearned(rule));

/** Whether any limit of the rule follows what its targets take: with one target alone, there is nowhere to go. */
export const hasLearned = (rule: RuleBody): boolean =>
  rule.learned !== undefined || rule.reasoningFirstTokenMs !== undefined || leavesSilence(rule);

/** Whether a target that answers nobody is left before the time of its attempts is over. */
export const leavesSilence = ({ patient, targets }: RuleBody): boolean =>
  patient !== true && targets.length > 1;
