/**
 * What each target normally takes, learned from the attempts of rules that ask for it: time to the committing event, and
 * how fast answers come. Bounded; what is learned belongs to this pod alone and is gone with it.
 */
import type { Attempt, AttemptObserver, Exchange } from '../../exchange.ts';
import type { Candidate } from '../../routing/plan.ts';
import type { RuleBody } from '../../snapshot/schema.ts';
import { Quantiles } from './quantiles.ts';

/** Of one model at one provider, and of streams or of complete answers: they have nothing in common. */
export class Pace {
  /** Milliseconds from the start of an attempt to the event that commits its answer. */
  readonly commitMs = new Quantiles();
  /** Bytes per second, from the first to the last of an answer; only of answers long enough to tell. */
  readonly bytesPerSecond = new Quantiles();
}

/** Asked models may be names that callers invent: the oldest go first. */
const MAX_MODELS = 256;
/** Weight of an attempt that a learned limit ended. */
const OWN_DOING = 0.05;
/** Answers below have no rate to speak of. */
const LEAST_RATED_BYTES = 2048;
const LEAST_RATED_MS = 250;

export class PaceBook implements AttemptObserver {
  /** By provider, then by model with a sign for streams. */
  readonly #providers = new Map<string, Map<string, Pace>>();

  /** Undefined: nothing is known yet. */
  of(candidate: Candidate, stream: boolean): Pace | undefined {
    const models = this.#providers.get(candidate.providerId);
    return models?.get(nameOf(candidate, stream));
  }

  committed(attempt: Attempt, exchange: Exchange): void {
    if (!isLearned(exchange.plan?.rule) || attempt.committedAt === undefined) return;
    const pace = this.#get(attempt.candidate, isStreamed(exchange));
    pace.commitMs.observe(attempt.committedAt - attempt.startedAt, attempt.committedAt);
  }

  ended(attempt: Attempt, exchange: Exchange): void {
    if (!isLearned(exchange.plan?.rule)) return;
    const { endedAt, committedAt, startedAt } = attempt;
    // A complete answer ends before it is committed.
    if (endedAt === undefined) return;
    const stopped = attempt.cancelled || attempt.failure === 'Timeout';
    if (committedAt === undefined) {
      if (!stopped) return;
      const pace = this.#get(attempt.candidate, isStreamed(exchange));
      // Cut short by what was learned here, it says little: an outage must not teach us to wait for it.
      const weight = attempt.errorCode === 'learned' ? OWN_DOING : 1;
      pace.commitMs.observeAtLeast(endedAt - startedAt, endedAt, weight);
    }
  }

  /** An answer came to its end. */
  rated(candidate: Candidate, stream: boolean, bytes: number, ms: number, now: number): void {
    if (bytes < LEAST_RATED_BYTES || ms < LEAST_RATED_MS) return;
    this.#get(candidate, stream).bytesPerSecond.observe((bytes * 1000) / ms, now);
  }

  /** Forgets providers that are no longer configured. */
  retain(providerIds: ReadonlySet<string>): void {
    for (const id of this.#providers.keys()) if (!providerIds.has(id)) this.#providers.delete(id);
  }

  #get(candidate: Candidate, stream: boolean): Pace {
    let models = this.#providers.get(candidate.providerId);
    if (models === undefined) {
      models = new Map();
      this.#providers.set(candidate.providerId, models);
    }
    const name = nameOf(candidate, stream);
    let pace = models.get(name);
    if (pace === undefined) {
      const [oldest] = models.size >= MAX_MODELS ? models.keys() : [];
      if (oldest !== undefined) models.delete(oldest);
      pace = new Pace();
      models.set(name, pace);
    }
    return pace;
  }
}

const nameOf = ({ upstreamModel }: Candidate, stream: boolean): string =>
  stream ? `${upstreamModel} s` : upstreamModel;

const isStreamed = ({ envelope, facts }: Exchange): boolean => envelope?.stream ?? facts?.stream ?? false;

/** Whether anything of the rule rests on what is learned here; nothing is kept for others. */
const isLearned = (rule: RuleBody | undefined): boolean =>
  rule !== undefined &&
  (rule.hedge !== undefined || rule.learned !== undefined || rule.reasoningFirstTokenMs !== undefined);
