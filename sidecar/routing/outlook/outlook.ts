/**
 * What speaks against targets that may be tried: what the fleet suspects, what this pod sees coming, and how full a target is
 * that others stand behind. None of it takes a target away, it only changes the order; what may not be tried at all is for
 * filters and breakers.
 */
import type { Candidate } from '../plan.ts';
import type { Sightings } from './sightings.ts';
import { refuted, type Suspicion, type Suspicions } from './suspicions.ts';

export interface Doubt {
  reason: 'Suspected' | 'Worsening' | 'Spilled';
  /** In (0, 1]: the share of requests that try the target behind others. */
  share: number;
  /** Behind the others of its priority, or behind all of the rule that nothing speaks against. */
  behind: 'Tier' | 'Rule';
  /** A sentence with the numbers. */
  detail: string;
}

/** What is asked of it while a plan is made. Times are milliseconds of the plan's clock. */
export interface OutlookView {
  /** Where this pod is; undefined: not known. */
  readonly region: string | undefined;
  /** Whether anything may speak against any target now: false costs nothing more. */
  clouded(now: number): boolean;
  /**
   * The worst that speaks against the candidate. `steers`: the strategy itself goes by how fast targets are, so what is only
   * slow is left to it.
   */
  doubt(candidate: Candidate, steers: boolean, now: number): Doubt | undefined;
  /** Milliseconds to the first content that are usual there, as all pods find; undefined: nobody said so lately. */
  usual(candidate: Candidate, now: number): number | undefined;
  /** Why a target with others behind it is full; undefined: it is not. */
  full(candidate: Candidate, now: number): Doubt | undefined;
  /** The same for a question that must change nothing; absent: asking changes nothing. */
  toRead?(): OutlookView;
}

/** Nothing is known and nothing is asked. */
export const CLEAR: OutlookView = {
  region: undefined,
  clouded: () => false,
  doubt: () => undefined,
  usual: () => undefined,
  full: () => undefined,
};

/** Some requests still go where it gets worse, or nobody would see it get better. */
const MOST_SHIFTED = 0.9;

export interface OutlookParts {
  sightings: Sightings;
  suspicions: Suspicions;
  region: string | undefined;
  full: OutlookView['full'];
}

export class Outlook implements OutlookView {
  readonly region: string | undefined;
  readonly #parts: OutlookParts;
  /** Looking at a suspect with a request changes when the next one may. */
  readonly #looks: boolean;

  constructor(parts: OutlookParts, looks = true) {
    this.region = parts.region;
    this.#parts = parts;
    this.#looks = looks;
  }

  toRead(): OutlookView {
    return new Outlook(this.#parts, false);
  }

  clouded(now: number): boolean {
    const { sightings, suspicions } = this.#parts;
    return sightings.worse.size > 0 || suspicions.any(now);
  }

  doubt(candidate: Candidate, steers: boolean, now: number): Doubt | undefined {
    const { sightings } = this.#parts;
    return this.#suspected(candidate, steers, now) ?? worsening(candidate, sightings, steers, now);
  }

  usual(candidate: Candidate, now: number): number | undefined {
    return this.#parts.suspicions.hint(candidate, now)?.p50;
  }

  full(candidate: Candidate, now: number): Doubt | undefined {
    return this.#parts.full(candidate, now);
  }

  #suspected(candidate: Candidate, steers: boolean, now: number): Doubt | undefined {
    const { sightings, suspicions } = this.#parts;
    const suspicion = suspicions.of(candidate, now);
    if (!suspicion) return undefined;
    const { state, hint, since } = suspicion;
    if (state === 'Slow' && steers) return undefined;
    if (refuted(suspicion, sightings.of(candidate), now)) return undefined;
    if (this.#looks && suspicions.look(suspicion, now)) return undefined;
    const ago = Math.round((now - since) / 1000);
    const what = WORDS[state](hint);
    return {
      reason: 'Suspected',
      share: 1,
      behind: state === 'Down' ? 'Rule' : 'Tier',
      detail: `other pods find it ${what}, heard ${ago} s ago; no own answer since says otherwise`,
    };
  }
}

const WORDS: Readonly<Record<Suspicion['state'], (hint: Suspicion['hint']) => string>> = {
  Down: () => 'down',
  Slow: ({ p50 }) => `slow${p50 === undefined ? '' : ` (half of answers take ${Math.round(p50)} ms)`}`,
  Short: ({ headroom }) => `short of its limits (${headroom} % are left)`,
};

function worsening(
  candidate: Candidate,
  sightings: Sightings,
  steers: boolean,
  now: number,
): Doubt | undefined {
  if (sightings.worse.size === 0) return undefined;
  sightings.refresh(now);
  const trend = sightings.of(candidate)?.trend;
  if (!trend || (trend.of === 'Latency' && steers)) return undefined;
  const { severity, of, from, to, span } = trend;
  const share = Math.min(MOST_SHIFTED, severity);
  const [begin, end] =
    of === 'Latency'
      ? [`${Math.round(from)}`, `${Math.round(to)} ms`]
      : [`${Math.round(from * 100)}`, `${Math.round(to * 100)} % failures`];
  return {
    reason: 'Worsening',
    share,
    behind: of === 'Errors' ? 'Rule' : 'Tier',
    detail: `from ${begin} to ${end} within ${Math.round(span / 1000)} s: ${Math.round(share * 100)} % of requests go elsewhere first`,
  };
}
