/**
 * Requests that the cache could not answer. The first of those that are the same asks, and owns what it costs; the others
 * wait for its answer, each with its own patience. Where that fails, they ask one after the other.
 */
import { OutriderError } from '../../errors/table.ts';
import { totalCost } from '../accounting/total-cost.ts';
import { timeBeforeCommit } from '../dispatch/commit-budget.ts';
import { answering } from '../exchange.ts';
import { CallerGone } from '../server/body-options.ts';
import { outriderHeaders } from '../server/response-headers.ts';
import type { Clock } from '../snapshot/clock.ts';
import { type CachedAnswer, keptHeaders } from './answer.ts';
import type { Asked, Keyed } from './asked.ts';
import { isComplete } from './complete.ts';
import type { Ending } from './delivery.ts';
import { Flight, type Follower, type Joined } from './flight.ts';
import { note, outcomeOf, paceOf, planOf } from './notes.ts';
import type { AnswerStore } from './store.ts';
import type { CacheUse } from './use.ts';

export interface FlightsParts {
  clock: Clock;
  store: AnswerStore;
  /** Looks where a look takes time. */
  find: (asked: Keyed) => Promise<CachedAnswer | undefined>;
  keep: (asked: Keyed, answer: CachedAnswer) => void;
  answer: (asked: Keyed, answer: CachedAnswer) => Promise<void>;
  /** Counts a request that is not asked for against the limits of its rule; throws what refuses it. */
  admit?: (asked: Asked) => void;
  /** From the beginning. */
  again: (asked: Asked) => Promise<void>;
}

/** What is known once a flight is over. */
interface Landing {
  costNanoUsd: bigint | undefined;
  broken: boolean;
  streamed: boolean;
}

interface Flying {
  flight: Flight;
  leader: Keyed;
  landed: Promise<Landing>;
  land: (landing: Landing) => void;
}

export class Flights {
  readonly #parts: FlightsParts;
  readonly #joinable = new Map<string, Flying>();
  readonly #flying = new WeakMap<Flight, Flying>();

  constructor(parts: FlightsParts) {
    this.#parts = parts;
  }

  fly(asked: Keyed): Promise<void> {
    const shared = asked.cache.exact?.singleFlight === true;
    // Who wants a fresh answer does not take one that was asked for before.
    const flying = shared && !asked.control.noCache ? this.#joinable.get(asked.key) : undefined;
    return flying ? this.#follow(asked, flying) : this.#lead(asked, this.#start(asked, shared, []));
  }

  #start(asked: Keyed, joinable: boolean, followers: Follower[]): Flying {
    const { key, cache, exchange } = asked;
    const close = (): void => {
      if (this.#joinable.get(key)?.flight === flight) this.#joinable.delete(key);
    };
    const flight = new Flight(
      {
        path: exchange.path,
        store: this.#parts.store,
        maxAnswerBytes: cache.maxAnswerBytes,
        onCommit: close,
        keep: keptHeaders,
      },
      followers,
    );
    let land: Flying['land'] = () => {};
    const landed = new Promise<Landing>((resolve) => (land = resolve));
    const flying = { flight, leader: asked, landed, land };
    this.#flying.set(flight, flying);
    if (joinable && !this.#joinable.has(key)) this.#joinable.set(key, flying);
    void landed.then(close);
    return flying;
  }

  async #lead(asked: Keyed, { flight, land }: Flying): Promise<void> {
    const { exchange } = asked;
    const { clock, find, answer } = this.#parts;
    const own = exchange.res;
    const broken: Landing = { costNanoUsd: undefined, broken: true, streamed: false };
    const delivery = flight.lead(own, paceOf(asked, clock));
    try {
      const found = await this.#found(asked, find);
      if (found) {
        delivery.detach();
        flight.arrived();
        land(broken);
        return await answer(asked, found);
      }
      exchange.cache = { result: 'Miss' };
      exchange.res = flight.res;
      await asked.send();
    } catch (error) {
      delivery.detach();
      flight.failed();
      land(broken);
      throw error;
    } finally {
      exchange.res = own;
      if (flight.status === 0) flight.release();
    }
    if (flight.status === 0) flight.failed();
    land(this.#keep(asked, flight));
    const ending = await delivery.done;
    const { outcome } = exchange;
    if (outcome && ending !== 'Whole' && !outcome.broken && !outcome.cancelled) {
      exchange.outcome = { ...outcomeOf(delivery, ending, outcome.streamed, clock) };
    }
  }

  async #found(asked: Keyed, find: FlightsParts['find']): Promise<CachedAnswer | undefined> {
    try {
      return await find(asked);
    } catch (error) {
      note(asked.exchange, 'LookupFailed', error instanceof Error ? error.name : 'unknown');
      return undefined;
    }
  }

  /** Settles what it cost and keeps the answer, if it is one to keep. */
  #keep(asked: Keyed, flight: Flight): Landing {
    const { exchange, arm } = asked;
    const { outcome, attempts } = exchange;
    for (const attempt of attempts) exchange.settle(attempt);
    const costNanoUsd = totalCost(attempts);
    const streamed = outcome?.streamed ?? false;
    const broken = !outcome || outcome.broken || outcome.cancelled;
    const served = answering(attempts);
    const body = broken || outcome.status !== 200 || !served ? undefined : flight.recorded();
    flight.release();
    const sameArm = exchange.plan?.arm?.arm.name === arm;
    if (body && served?.committedAt !== undefined && served.failure === undefined && sameArm) {
      if (this.#isComplete(asked, streamed, body)) {
        const at = this.#parts.clock.wall();
        const { candidate } = served;
        this.#parts.keep(asked, {
          headers: keptHeaders(flight.headers),
          body,
          streamed,
          target: candidate.target.name,
          provider: candidate.providerId,
          model: candidate.upstreamModel,
          costNanoUsd,
          warnings: [...exchange.warnings],
          at,
          expires: at + asked.cache.ttlMs,
        });
      } else note(exchange, 'NotKept', 'the answer is cut off, or waits for its caller');
    }
    return { costNanoUsd, broken, streamed };
  }

  #isComplete({ exchange }: Keyed, streamed: boolean, body: Buffer): boolean {
    try {
      return isComplete(exchange.dialect, streamed, body);
    } catch {
      // What its own dialect cannot read is nothing to hand out again.
      return false;
    }
  }

  async #follow(asked: Keyed, { flight }: Flying): Promise<void> {
    const { exchange, rule } = asked;
    const { clock, admit } = this.#parts;
    admit?.(asked);
    const use: CacheUse = { result: 'Shared' };
    const { follower, joined } = flight.join(exchange.res, paceOf(asked, clock), (kept) => {
      const leader = this.#flying.get(follower.flight)?.leader;
      const served = leader && answering(leader.exchange.attempts);
      if (served) use.served = { candidate: served.candidate, savedNanoUsd: undefined };
      exchange.cache = use;
      exchange.plan = planOf(rule);
      exchange.warnings = [...(leader?.exchange.warnings ?? [])];
      exchange.committedAt = clock.monotonic();
      exchange.releaseBody(true);
      return [...outriderHeaders(exchange), ...kept];
    });
    const { delivery } = follower;
    const turn = await this.#wait(asked, follower, joined);
    if (turn.kind === 'Again') return await this.#parts.again(asked);
    if (turn.kind === 'Lead') {
      note(exchange, 'Released', 'the request that it waited for failed: it asks itself');
      return await this.#lead(asked, this.#start(asked, true, turn.others));
    }
    note(exchange, 'Shared', 'with the answer to the same request, which was under way');
    const ending: Ending = await delivery.done;
    const flying = this.#flying.get(follower.flight);
    const landing = await flying?.landed;
    if (use.served && landing && !landing.broken && ending === 'Whole') {
      use.served.savedNanoUsd = landing.costNanoUsd;
    }
    const cut = ending === 'Whole' && landing?.broken === true;
    const streamed = landing?.streamed ?? false;
    exchange.outcome = outcomeOf(delivery, cut ? 'Broken' : ending, streamed, clock);
  }

  /** Until it begins, or has to ask itself; no longer than the request may take, and its caller stays. */
  async #wait(asked: Keyed, follower: Follower, joined: Promise<Joined>): Promise<Joined> {
    const { exchange, rule, facts } = asked;
    const { clock } = this.#parts;
    const { requestMs } = rule.body.timeouts;
    const patience = timeBeforeCommit(requestMs, facts.header('x-stainless-timeout'));
    const leftMs = exchange.startedAt + patience - clock.monotonic();
    return await new Promise<Joined>((resolve, reject) => {
      const timer = clock.after(Math.max(0, leftMs), () => {
        follower.flight.leave(follower);
        reject(new OutriderError('request_timeout', { timeout: `${Math.round(patience)}ms` }));
      });
      const left = follower.delivery.done.then((ending) => {
        if (ending === 'Left') throw new CallerGone();
        return joined;
      });
      void Promise.race([joined, left])
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
  }
}
