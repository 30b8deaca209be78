/**
 * What this pod saw itself of each model at each provider: counts for the fleet since the last report, when it last
 * answered, and whether it is getting worse. Hears of every attempt, so it must cost next to nothing: two look-ups, no objects.
 */

import type { BreakerEvent } from '../../dispatch/breakers.ts';
import type { Attempt, AttemptObserver, Exchange } from '../../exchange.ts';
import { MAX_SIGHTINGS, type ProvidersReport, type SightingReport } from '../../snapshot/fleet/providers.ts';
import { classOf, SKETCH_CLASSES } from '../../snapshot/fleet/sketch.ts';
import type { FailureClass } from '../../snapshot/schema.ts';
import type { Candidate } from '../plan.ts';
import { type Trend, TrendWindow } from './trend.ts';

/** Targets that are remembered; callers may invent names of models, which count as one. */
const MAX_KEPT = 256;
/** A trend is judged anew after so many attempts, or milliseconds; in no case sooner, as its bins are of seconds. */
const JUDGE_ATTEMPTS = 10;
const JUDGE_MS = 5_000;
const JUDGE_LEAST_MS = 100;
/** How quickly the pace follows: by time, and by number where answers come thick. */
const PACE_HALF_LIFE_MS = 5_000;
const PACE_LEAST = 0.05;
/** Failures that say something of the provider, not of a key or a request. */
const OF_PROVIDER: ReadonlySet<string> = new Set(['Connect', 'Timeout', 'ServerError', 'StreamError']);

export class Sighting {
  readonly provider: string;
  readonly model: string;
  ok = 0;
  readonly errors = new Map<FailureClass, number>();
  readonly latency = new Uint32Array(SKETCH_CLASSES);
  inFlight = 0;
  /** Monotonic milliseconds; of attempts that succeeded, by when they began. */
  answeredAt = Number.NEGATIVE_INFINITY;
  seenAt = Number.NEGATIVE_INFINITY;
  /** Attempts that succeeded or failed through the provider, ever. */
  evidence = 0;
  trend: Trend | undefined;
  /** Milliseconds to the committing event, of late; undefined before the first. */
  pace: number | undefined;
  readonly #streams = new TrendWindow();
  readonly #wholes = new TrendWindow();
  #sinceJudged = 0;
  #judgedAt = 0;

  constructor(provider: string, model: string) {
    this.provider = provider;
    this.model = model;
  }

  note(ms: number | undefined, stream: boolean, now: number): void {
    this.evidence++;
    // What was seen counts half after some seconds; a failure that took long is slow, one that was quick says nothing of speed.
    if (ms !== undefined) {
      const kept = this.pace === undefined ? 0 : 2 ** (-Math.max(1, now - this.seenAt) / PACE_HALF_LIFE_MS);
      // A crowd of answers at one moment must not count for more than its last ones.
      const weight = Math.max(PACE_LEAST, 1 - kept);
      this.pace = ms * weight + (this.pace ?? 0) * (1 - weight);
    }
    this.seenAt = now;
    (stream ? this.#streams : this.#wholes).add(ms, now);
    this.#sinceJudged++;
    const since = now - this.#judgedAt;
    if (since >= JUDGE_MS || (this.#sinceJudged >= JUDGE_ATTEMPTS && since >= JUDGE_LEAST_MS))
      this.judge(now);
  }

  /** Where nothing was seen for some time, what stood out is looked at again. */
  judge(now: number): void {
    this.#sinceJudged = 0;
    this.#judgedAt = now;
    const [one, other] = [this.#streams.trend(now), this.#wholes.trend(now)];
    this.trend = (one?.severity ?? 0) > (other?.severity ?? 0) ? one : (other ?? one);
  }

  get judgedAt(): number {
    return this.#judgedAt;
  }
}

export interface SightingsOptions {
  /** A target began or ceased to get worse. */
  onTrend?: (sighting: Sighting, trend: Trend | undefined) => void;
  /** Percent left of the tightest limit of a model at a provider; undefined where it is not known. */
  headroom?: (provider: string, model: string) => number | undefined;
}

export class Sightings implements AttemptObserver {
  readonly #options: SightingsOptions;
  readonly #providers = new Map<string, Map<string, Sighting>>();
  /** Open breakers of endpoints and models, by provider and model, and until when. */
  readonly #open = new Map<string, { provider: string; model: string; until: number }>();
  readonly #worse = new Set<Sighting>();
  #kept = 0;
  #takenAt: number;

  constructor(now: number, options: SightingsOptions = {}) {
    this.#takenAt = now;
    this.#options = options;
  }

  /** Targets that are getting worse. */
  get worse(): ReadonlySet<Sighting> {
    return this.#worse;
  }

  of(candidate: Candidate): Sighting | undefined {
    return this.#providers.get(candidate.providerId)?.get(knownName(candidate));
  }

  started({ candidate }: Attempt): void {
    this.#at(candidate).inFlight++;
  }

  ended(attempt: Attempt, { facts }: Exchange): void {
    const sighting = this.#at(attempt.candidate);
    if (sighting.inFlight > 0) sighting.inFlight--;
    const { failure, cancelled, startedAt, committedAt, endedAt = startedAt } = attempt;
    if (failure === 'Caller' || (cancelled && committedAt === undefined)) return;
    const ms = (committedAt ?? endedAt) - startedAt;
    if (failure === undefined) {
      sighting.ok++;
      sighting.latency[classOf(ms)]!++;
      sighting.answeredAt = Math.max(sighting.answeredAt, startedAt);
    } else {
      sighting.errors.set(failure, (sighting.errors.get(failure) ?? 0) + 1);
      if (failure === 'Timeout') sighting.latency[classOf(ms)]!++;
      if (!OF_PROVIDER.has(failure)) return;
    }
    sighting.note(failure === undefined ? ms : undefined, facts?.stream ?? false, endedAt);
    this.#noteTrend(sighting);
  }

  /** Looks again at what got worse and was not seen since. */
  refresh(now: number): void {
    for (const sighting of this.#worse) {
      if (now - sighting.judgedAt < JUDGE_MS) continue;
      sighting.judge(now);
      this.#noteTrend(sighting);
    }
  }

  breaker({ kind, scope, providerId, name, ms }: BreakerEvent, now: number): boolean {
    if (scope !== 'Endpoint' && scope !== 'Model') return false;
    // What nobody declared may be a name that a caller invented: no other pod should hear of it.
    if (scope === 'Model' && !this.#providers.get(providerId)?.has(name)) return false;
    const key = `${providerId} ${name}`;
    if (kind === 'Recovered') this.#open.delete(key);
    else if (this.#open.size < MAX_KEPT)
      this.#open.set(key, { provider: providerId, model: name, until: now + ms });
    return kind === 'Ejected';
  }

  /** What was seen since the last call; undefined: nothing. */
  take(now: number): ProvidersReport | undefined {
    const reports = new Map<string, SightingReport>();
    for (const models of this.#providers.values())
      for (const sighting of models.values()) {
        const report = this.#reportOf(sighting);
        if (report) reports.set(`${sighting.provider} ${sighting.model}`, report);
      }
    for (const [key, { provider, model, until }] of this.#open) {
      if (until <= now) {
        this.#open.delete(key);
        continue;
      }
      const report = reports.get(key) ?? {
        provider,
        ...(model !== '' && { model }),
        ok: 0,
        errors: {},
        latency: [],
      };
      reports.set(key, { ...report, open: true });
    }
    const ms = Math.round(now - this.#takenAt);
    this.#takenAt = now;
    if (reports.size === 0) return undefined;
    const sightings = [...reports.values()].sort((a, b) => weightOf(b) - weightOf(a)).slice(0, MAX_SIGHTINGS);
    return { ms: Math.min(ms, 3_600_000), sightings };
  }

  /** Forgets providers that are no longer configured. */
  retain(providers: ReadonlySet<string>): void {
    for (const [id, models] of this.#providers) {
      if (providers.has(id)) continue;
      this.#kept -= models.size;
      this.#providers.delete(id);
    }
    for (const [key, { provider }] of this.#open) if (!providers.has(provider)) this.#open.delete(key);
    for (const sighting of this.#worse) if (!providers.has(sighting.provider)) this.#worse.delete(sighting);
  }

  #reportOf(sighting: Sighting): SightingReport | undefined {
    const { provider, model, ok, errors, latency } = sighting;
    if (ok === 0 && errors.size === 0) return undefined;
    const headroom = this.#options.headroom?.(provider, model);
    const report: SightingReport = {
      provider,
      model,
      ok,
      errors: Object.fromEntries(errors),
      latency: [...latency].flatMap((count, i) => (count > 0 ? [i, count] : [])),
      ...(this.#worse.has(sighting) && { worsening: true as const }),
      ...(headroom !== undefined && { headroom }),
    };
    sighting.ok = 0;
    errors.clear();
    latency.fill(0);
    return report;
  }

  #noteTrend(sighting: Sighting): void {
    const { trend } = sighting;
    if ((trend !== undefined) === this.#worse.has(sighting)) return;
    if (trend) this.#worse.add(sighting);
    else this.#worse.delete(sighting);
    this.#options.onTrend?.(sighting, trend);
  }

  #at(candidate: Candidate): Sighting {
    const { providerId } = candidate;
    const name = knownName(candidate);
    let models = this.#providers.get(providerId);
    const known = models?.get(name);
    if (known) return known;
    if (this.#kept >= MAX_KEPT) this.#forgetOldest();
    models = this.#providers.get(providerId);
    if (!models) this.#providers.set(providerId, (models = new Map()));
    const sighting = new Sighting(providerId, name);
    models.set(name, sighting);
    this.#kept++;
    return sighting;
  }

  #forgetOldest(): void {
    let oldest: Sighting | undefined;
    for (const models of this.#providers.values())
      for (const each of models.values()) if (!oldest || each.seenAt < oldest.seenAt) oldest = each;
    if (!oldest) return;
    const models = this.#providers.get(oldest.provider);
    models?.delete(oldest.model);
    if (models?.size === 0) this.#providers.delete(oldest.provider);
    this.#worse.delete(oldest);
    this.#kept--;
  }
}

const OTHER_MODEL = '_OTHER';

/** What a candidate goes by here and in the fleet: names that callers may invent share one. */
export const knownName = ({ model, upstreamModel }: Candidate): string =>
  model === undefined ? OTHER_MODEL : upstreamModel;

const weightOf = ({ ok, errors, open }: SightingReport): number =>
  (open ? 1e9 : 0) + ok + Object.values(errors).reduce((sum, count) => sum + count, 0);
