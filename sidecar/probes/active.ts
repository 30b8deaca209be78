/**
 * Asks providers whether they are well, on behalf of all sidecars where the operator names this one, and for itself where
 * there is no operator. What comes of it is evidence of this pod's own, told to its breakers: a provider that is down is left
 * out before the first request fails, and comes back as soon as it answers.
 */
import type { AttemptEvidence } from '../dispatch/breakers.ts';
import { classifyTransport, type Verdict } from '../providers/failures.ts';
import type { Candidate } from '../routing/plan.ts';
import type { Clock, Timer } from '../snapshot/clock.ts';
import type { EffectiveSnapshot } from '../snapshot/effective.ts';
import type { ProviderBody } from '../snapshot/schema.ts';
import type { ActiveCheckBody } from '../snapshot/shapes/outlook.ts';
import type { Answered } from './ask.ts';

/** The breakers, as far as a probe is concerned. */
interface ProbeHealth {
  success(evidence: AttemptEvidence, now: number): void;
  failure(evidence: AttemptEvidence, verdict: Verdict, retryAfterMs: number | undefined, now: number): void;
}

export interface ActiveProbesOptions {
  health: ProbeHealth;
  clock: Clock;
  /** In [0, 1): spreads the first probes. */
  random: () => number;
  /** Asks the provider as its check says; never throws. */
  ask: (
    providerId: string,
    provider: ProviderBody,
    check: ActiveCheckBody,
    signal: AbortSignal,
  ) => Promise<Answered>;
  /** Whether this pod is one of those that probe the provider. */
  mayProbe: (providerId: string) => boolean;
  /** A provider changed its state, or its check cannot say anything. */
  onChange?: (providerId: string, state: ProbeState, why: string) => void;
}

export type ProbeState = 'Up' | 'Down' | 'Unclear';

interface Checked {
  readonly id: string;
  readonly provider: ProviderBody;
  readonly check: ActiveCheckBody;
  /** In a row. */
  failed: number;
  passed: number;
  state: ProbeState | undefined;
  timer: Timer | undefined;
  readonly stop: AbortController;
}

/** An ejection outlives the time to the next probe by this factor, so that only a probe, or its absence, ends it. */
const BEYOND_INTERVAL = 1.5;
/** A model is asked through the breakers: its next check is the probe that may close them. */
const BEFORE_NEXT = 0.85;

export class ActiveProbes {
  readonly #options: ActiveProbesOptions;
  readonly #checked = new Map<string, Checked>();

  constructor(options: ActiveProbesOptions) {
    this.#options = options;
  }

  /** Another configuration runs. A provider that stayed as it was goes on where it was. */
  apply({ providers }: Pick<EffectiveSnapshot, 'providers'>): void {
    for (const [id, checked] of this.#checked) {
      if (providers.get(id)?.body !== checked.provider) this.#drop(checked);
    }
    for (const { id, body } of providers.values()) {
      if (!body?.active || this.#checked.has(id)) continue;
      const checked: Checked = {
        id,
        provider: body,
        check: body.active,
        failed: 0,
        passed: 0,
        state: undefined,
        timer: undefined,
        stop: new AbortController(),
      };
      this.#checked.set(id, checked);
      this.#later(checked, this.#options.random() * Math.min(body.active.intervalMs, 5_000));
    }
  }

  stop(): void {
    for (const checked of this.#checked.values()) this.#drop(checked);
  }

  #drop(checked: Checked): void {
    checked.timer?.cancel();
    checked.stop.abort();
    this.#checked.delete(checked.id);
  }

  #later(checked: Checked, ms: number): void {
    checked.timer = this.#options.clock.after(ms, () => void this.#probe(checked));
  }

  async #probe(checked: Checked): Promise<void> {
    const { ask, clock, mayProbe } = this.#options;
    const { id, provider, check, stop } = checked;
    if (mayProbe(id)) {
      const startedAt = clock.monotonic();
      const answered = await ask(id, provider, check, stop.signal);
      if (stop.signal.aborted) return;
      this.#judge(checked, answered, startedAt);
    } else {
      [checked.failed, checked.passed, checked.state] = [0, 0, undefined];
    }
    this.#later(checked, check.intervalMs * (0.9 + 0.2 * this.#options.random()));
  }

  #judge(checked: Checked, answered: Answered, startedAt: number): void {
    const { check, id } = checked;
    const { health, clock } = this.#options;
    const now = clock.monotonic();
    // It was not asked: what is known stays.
    if (!answered.ok && answered.why === 'Refused') return;
    const state = stateOf(answered);
    if (state === 'Unclear') {
      [checked.failed, checked.passed] = [0, 0];
    } else if (state === 'Up') {
      [checked.failed, checked.passed] = [0, checked.passed + 1];
      if (checked.passed >= check.healthyAfter) health.success(evidenceOf(checked, startedAt, true), now);
    } else {
      [checked.failed, checked.passed] = [checked.failed + 1, 0];
      if (checked.failed >= check.unhealthyAfter) {
        const held =
          check.path === undefined
            ? check.intervalMs * BEFORE_NEXT
            : check.intervalMs * BEYOND_INTERVAL + check.timeoutMs;
        health.failure(evidenceOf(checked, startedAt, answered.ok), DOWN, held, now);
      }
    }
    const settled =
      state === 'Unclear' ||
      (state === 'Up' ? checked.passed >= check.healthyAfter : checked.failed >= check.unhealthyAfter);
    if (!settled || state === checked.state) return;
    checked.state = state;
    this.#options.onChange?.(id, state, answered.ok ? `status ${answered.status}` : answered.why);
  }
}

/** What the endpoint as a whole does wrong: there is no point in trying again to make sure. */
const DOWN: Verdict = classifyTransport('Connect', 'active_check');

/** A refusal of the key, the rate or the path says nothing of health: a wrong path must not take a provider out. */
function stateOf(answered: Answered): ProbeState {
  if (!answered.ok || answered.status >= 500) return 'Down';
  return answered.status >= 200 && answered.status < 400 ? 'Up' : 'Unclear';
}

function evidenceOf({ id, provider }: Checked, startedAt: number, answered: boolean): AttemptEvidence {
  const candidate: Candidate = {
    index: 0,
    target: {
      name: 'probe',
      provider: id,
      weight: 1,
      priority: 0,
      patch: { set: [], default: [], remove: [], headers: [] },
    },
    providerId: id,
    provider,
    credential: undefined,
    upstreamModel: '',
    model: undefined,
  };
  return {
    candidate,
    caller: undefined,
    secret: undefined,
    admission: { kind: 'Go' },
    startedAt,
    answered,
  };
}
