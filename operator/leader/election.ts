/**
 * Takes part in the election of a leader by a Lease: looks at it again and again, takes it when it is free or its holder is
 * gone, and renews it while it is ours.
 *
 * Two replicas never act at once. A leader acts until its renew deadline, counted on its own monotonic clock from the moment
 * its last successful write was sent; others wait for the longer lease duration, counted on theirs from a moment after that
 * write. Clocks may show any time; only if they ran at paces differing by more than the ratio of the two could they meet.
 * Leadership that was lost is lost for good: whoever started this is told, and should end the process.
 */
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';
import { Pause } from '../../sidecar/snapshot/pause.ts';
import { describeError, type Log } from '../watch/log.ts';
import { type Move, nextMove, type Observed, observe } from './decide.ts';
import type { Leadership } from './leadership.ts';
import { held, type LeaseObject, type LeaseRecord, microTime, readLease, released } from './lease.ts';
import type { LeaseStore } from './lease-store.ts';

/** All in milliseconds. */
export interface ElectionTiming {
  /** How long others wait after the last change they saw. */
  durationMs: number;
  /** How long a leader acts after its last successful renewal. Shorter, so that it has stopped when others begin. */
  renewDeadlineMs: number;
  /** Between two looks or renewals. */
  retryMs: number;
}

/** 15 s, 10 s and 2 s, or the same proportions of another duration. */
export function electionTiming(durationSeconds = 15): ElectionTiming {
  const durationMs = durationSeconds * 1000;
  return { durationMs, renewDeadlineMs: (durationMs * 2) / 3, retryMs: (durationMs * 2) / 15 };
}

export interface ElectionOptions {
  lease: LeaseStore;
  /** Of this process alone: a restarted one must not take what its predecessor held for its own. */
  identity: string;
  /** `host:port` where this replica takes reports. */
  address: string;
  timing: ElectionTiming;
  clock: Clock;
  random: () => number;
  log: Log;
  /** Called once, when leadership is lost; not after `stop`. */
  onLost: (reason: string) => void;
}

type Standing =
  | { state: 'Follows' }
  /** It holds the Lease and lets the time pass in which a leader may still act that has not heard of it. */
  | { state: 'Claims'; term: number; actFrom: number }
  | { state: 'Leads'; term: number; actUntil: number; deadline: Timer }
  | { state: 'Ended' };

export class Election implements Leadership {
  readonly #options: ElectionOptions;
  readonly #pause: Pause;
  readonly #gained = new Set<() => void>();
  #standing: Standing = { state: 'Follows' };
  #observed: Observed | undefined;
  /** What was observed is our own last write, so that it can be renewed without a look. */
  #fresh = false;
  /** Undefined where no Lease was seen that anybody ever held. */
  #highestTerm: number | undefined;
  /** The Lease, if it turns out to be ours, may be one that we created. */
  #created = false;
  #writes = 0;
  #call: AbortController | undefined;
  #loop: Promise<void> | undefined;
  #failing = false;
  #lost = false;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#pause = new Pause(options.clock);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  isLeader(): boolean {
    const standing = this.#standing;
    // A process that was stopped or starved finds its timers late; the clock is asked each time.
    return standing.state === 'Leads' && this.#now() < standing.actUntil;
  }

  term(): number | undefined {
    return this.#standing.state === 'Leads' && this.isLeader() ? this.#standing.term : undefined;
  }

  leaderAddress(): string | undefined {
    const { address, identity, timing } = this.#options;
    if (this.isLeader()) return address;
    const { record, since } = this.#observed ?? {};
    if (!record || since === undefined || record.holder === '' || record.holder === identity)
      return undefined;
    return this.#now() - since < (record.durationMs ?? timing.durationMs) ? record.address : undefined;
  }

  onGained(listener: () => void): void {
    this.#gained.add(listener);
    if (this.isLeader()) listener();
  }

  async stop(): Promise<void> {
    this.#end('stopped');
    await this.#loop;
    // A write that was broken off may have arrived.
    if (this.#writes > 0 && !this.#lost) await this.#release();
  }

  async #run(): Promise<void> {
    const { random, timing } = this.#options;
    while (!this.#ended) {
      const began = this.#now();
      let waitMs = timing.retryMs * (1 + 0.2 * random());
      try {
        waitMs = Math.min(waitMs, await this.#step());
        this.#failing = false;
      } catch (error) {
        if (this.#ended) return;
        this.#fresh = false;
        this.#warn(error);
        // A leader has little time left for more tries; what a try took counts as waiting.
        if (this.#standing.state === 'Leads') waitMs = timing.retryMs / 2 - (this.#now() - began);
      }
      if (!this.#ended) await this.#pause.wait(Math.max(waitMs, timing.retryMs / 8));
    }
  }

  /** One look or one write. Returns the milliseconds after which the next one is due at the latest. */
  async #step(): Promise<number> {
    const { identity, timing } = this.#options;
    if (!this.#fresh) await this.#look();
    if (this.#ended) return 0;
    const observed = this.#observed as Observed;
    const move = nextMove(observed, identity, this.#now(), timing.durationMs);
    const leads = this.#standing.state === 'Leads';
    const { record } = observed;
    if (leads && !record) return this.#write({ kind: 'Create' });
    if (leads && move.kind !== 'Renew') {
      this.#lose(`the Lease is held by ${record?.holder || 'nobody'}`);
      return 0;
    }
    if (move.kind !== 'Renew' && !leads) {
      this.#standing = { state: 'Follows' };
      if (record) this.#created = false;
    }
    return move.kind === 'Wait' ? move.ms : this.#write(move);
  }

  async #look(): Promise<void> {
    const object = await this.#ask((signal) => this.#options.lease.read(signal));
    const record = object && readLease(object);
    if (record && record.holder !== this.#observed?.record?.holder) {
      this.#options.log.info({ holder: record.holder, term: record.transitions }, 'the Lease has a holder');
    }
    this.#observed = observe(this.#observed, record, this.#now());
    this.#remember(record?.transitions);
  }

  async #write(move: Exclude<Move, { kind: 'Wait' }>): Promise<number> {
    const { lease, timing } = this.#options;
    const base = move.kind === 'Create' ? undefined : move.record;
    const term = this.#termOf(move);
    const sentAt = this.#now();
    const object = this.#tenure(base, move, term);
    this.#created ||= move.kind === 'Create';
    const written = await this.#ask((signal) =>
      base ? lease.update(object, signal) : lease.create(object, signal),
    );
    if (this.#ended) return 0;
    if (!written) {
      // Somebody wrote meanwhile, perhaps only a label: look again, but not as fast as somebody can write.
      this.#fresh = false;
      return this.#standing.state === 'Follows' ? timing.retryMs : 0;
    }
    this.#won(readLease(written), sentAt, term);
    return timing.retryMs;
  }

  #termOf(move: Exclude<Move, { kind: 'Wait' }>): number {
    if (this.#standing.state === 'Leads' || this.#standing.state === 'Claims') return this.#standing.term;
    if (move.kind === 'Renew' && move.record.transitions !== undefined) return move.record.transitions;
    return (this.#highestTerm ?? firstTerm(this.#options.clock.wall())) + 1;
  }

  #tenure(base: LeaseRecord | undefined, move: Move, transitions: number): LeaseObject {
    const { address, clock, identity, timing } = this.#options;
    const renewTime = microTime(clock.wall(), (this.#writes += 1));
    const acquired = move.kind === 'Renew' ? base?.object.spec?.acquireTime : undefined;
    const none: LeaseObject = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: '' } };
    return held(base?.object ?? none, {
      holder: identity,
      address,
      durationMs: timing.durationMs,
      transitions,
      acquireTime: acquired ?? renewTime,
      renewTime,
    });
  }

  #won(record: LeaseRecord, sentAt: number, term: number): void {
    const { clock, log, timing } = this.#options;
    const now = this.#now();
    const actUntil = sentAt + timing.renewDeadlineMs;
    this.#observed = { record, since: now };
    this.#remember(term);
    // An answer this late is worth nothing: the Lease is ours, and the next renewal may be in time.
    if (now >= actUntil) return;
    this.#fresh = true;
    const before = this.#standing;
    if (before.state === 'Follows' && this.#created) {
      log.info({ term }, 'the Lease was created; this replica leads once nobody else can');
      this.#standing = { state: 'Claims', term, actFrom: now + timing.durationMs };
      return;
    }
    if (before.state === 'Claims' && now < before.actFrom) return;
    if (before.state === 'Leads') before.deadline.cancel();
    const deadline = clock.after(actUntil - now, () =>
      this.#lose(`the Lease could not be renewed for ${timing.renewDeadlineMs} ms`),
    );
    this.#standing = { state: 'Leads', term, actUntil, deadline };
    if (before.state === 'Leads') return;
    log.info({ term }, 'this replica leads');
    for (const listener of this.#gained) listener();
  }

  #lose(reason: string): void {
    this.#lost = true;
    this.#end(reason);
    this.#options.log.error({ reason }, 'leadership is lost');
    this.#options.onLost(reason);
  }

  #end(reason: string): void {
    if (this.#standing.state === 'Leads') this.#standing.deadline.cancel();
    this.#standing = { state: 'Ended' };
    this.#call?.abort(new Error(reason));
    this.#pause.end();
  }

  async #release(): Promise<void> {
    const { clock, identity, lease, log } = this.#options;
    try {
      for (let tries = 0; tries < 2; tries++) {
        const object = await this.#ask((signal) => lease.read(signal));
        if (object?.spec?.holderIdentity !== identity) return;
        const free = released(object, microTime(clock.wall(), (this.#writes += 1)));
        if (await this.#ask((signal) => lease.update(free, signal))) return;
      }
    } catch (error) {
      log.warn({ error: describeError(error) }, 'the Lease could not be given back; it will run out');
    }
  }

  /** No single call may use up the time that a second try would need. */
  async #ask<T>(operation: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, timing } = this.#options;
    const call = new AbortController();
    this.#call = call;
    const ms = timing.renewDeadlineMs / 2;
    const timer = clock.after(ms, () => call.abort(new Error(`no answer from the API server in ${ms} ms`)));
    const broken = new Promise<never>((_, reject) => {
      call.signal.addEventListener('abort', () => reject(call.signal.reason as Error), { once: true });
    });
    try {
      return await Promise.race([operation(call.signal), broken]);
    } finally {
      timer.cancel();
    }
  }

  #warn(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#options.log.warn({ error: describeError(error) }, 'the Lease cannot be reached; it is tried again');
  }

  #remember(term: number | undefined): void {
    if (term !== undefined) this.#highestTerm = Math.max(this.#highestTerm ?? 0, term);
  }

  get #ended(): boolean {
    return this.#standing.state === 'Ended';
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

/**
 * Whoever deletes the Lease deletes the count of terms, and what was promised in a higher one still binds. A count that begins
 * with the minutes since the epoch begins above every count before it, as elections are rarer than one a minute.
 */
function firstTerm(wall: number): number {
  return Math.floor(wall / 60_000);
}
