/**
 * Replicas, an API server with one Lease, and time that a test moves. Each replica has clocks of its own: any wall time, and a
 * monotonic clock with any start and a pace of its own.
 */
import { Election, type ElectionTiming, electionTiming } from '../../../../operator/leader/election.ts';
import type { LeaseObject } from '../../../../operator/leader/lease.ts';
import type { LeaseStore } from '../../../../operator/leader/lease-store.ts';
import { silentLog } from '../../../../operator/watch/log.ts';
import type { Clock } from '../../../../sidecar/snapshot/clock.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** What happens to one call, in milliseconds of real time. The server applies it in between, even if nobody waits any more. */
export interface Fate {
  before: number;
  after: number;
  /** Request: it never arrives. Answer: it is applied and nobody hears of it. */
  lost?: 'Request' | 'Answer' | 'Hangs' | undefined;
}

const PROMPT: Fate = { before: 1, after: 1 };

export class Simulation {
  readonly time = new ManualClock();
  readonly replicas: Replica[] = [];
  /** Every lost leadership, in order. */
  readonly losses: { identity: string; at: number; reason: string }[] = [];
  /** Who was seen leading, each once, in order. */
  readonly leaders: string[] = [];
  lease: LeaseObject | undefined;
  reads = 0;
  writes = 0;
  refused = 0;
  #version = 0;

  replica(name: string, how: Partial<ReplicaOptions> = {}): Replica {
    const replica = new Replica(this, name, how);
    this.replicas.push(replica);
    return replica;
  }

  acting(): string[] {
    return this.replicas.filter((replica) => replica.acts).map(({ identity }) => identity);
  }

  /** Moves time on; `check` runs whenever something may have changed. */
  async pass(ms: number, check: () => void = () => {}): Promise<void> {
    await this.time.pass(ms, async () => {
      for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
      for (const leader of this.acting()) if (this.leaders.at(-1) !== leader) this.leaders.push(leader);
      check();
    });
  }

  put(lease: LeaseObject): LeaseObject {
    this.#version += 1;
    const metadata = { ...lease.metadata, name: 'outrider', resourceVersion: String(this.#version) };
    this.lease = structuredClone({ ...lease, metadata: { uid: `uid-${this.#version}`, ...metadata } });
    return structuredClone(this.lease);
  }

  get(): LeaseObject | undefined {
    return structuredClone(this.lease);
  }
}

export interface ReplicaOptions {
  /** Of its clocks to the true time, in milliseconds. */
  wallSkewMs: number;
  monotonicStart: number;
  /** Milliseconds of its clock per true millisecond. */
  pace: number;
  timing: ElectionTiming;
  fate: () => Fate;
  random: () => number;
}

export class Replica implements LeaseStore {
  readonly #simulation: Simulation;
  readonly #options: ReplicaOptions;
  readonly identity: string;
  readonly election: Election;
  fate: () => Fate;
  #dead = false;

  constructor(simulation: Simulation, name: string, options: Partial<ReplicaOptions>) {
    this.#simulation = simulation;
    this.identity = name;
    this.#options = {
      wallSkewMs: 0,
      monotonicStart: 0,
      pace: 1,
      timing: electionTiming(),
      fate: () => PROMPT,
      random: () => 0.5,
      ...options,
    };
    this.fate = this.#options.fate;
    this.election = new Election({
      lease: this,
      identity: name,
      address: `${name}:8443`,
      timing: this.#options.timing,
      clock: this.#clock(),
      random: this.#options.random,
      log: silentLog,
      onLost: (reason) => simulation.losses.push({ identity: name, at: simulation.time.monotonic(), reason }),
    });
    this.election.start();
  }

  get acts(): boolean {
    return !this.#dead && this.election.isLeader();
  }

  /** As kill -9: it does nothing any more, and nobody hears of it. */
  kill(): void {
    this.#dead = true;
    this.fate = () => ({ before: 0, after: 0, lost: 'Hangs' });
  }

  read(): Promise<LeaseObject | undefined> {
    this.#simulation.reads += 1;
    return this.#call(() => this.#simulation.get());
  }

  create(lease: Pick<LeaseObject, 'spec' | 'metadata'>): Promise<LeaseObject | undefined> {
    return this.#call(() => {
      if (this.#simulation.lease) return this.#refuse();
      this.#simulation.writes += 1;
      return this.#simulation.put({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', ...lease });
    });
  }

  update(lease: LeaseObject): Promise<LeaseObject | undefined> {
    return this.#call(() => {
      const { uid, resourceVersion } = this.#simulation.lease?.metadata ?? {};
      if (lease.metadata.uid !== uid || lease.metadata.resourceVersion !== resourceVersion)
        return this.#refuse();
      this.#simulation.writes += 1;
      return this.#simulation.put(lease);
    });
  }

  #refuse(): undefined {
    this.#simulation.refused += 1;
    return undefined;
  }

  async #call<T>(apply: () => T): Promise<T> {
    const { before, after, lost } = this.fate();
    if (lost === 'Hangs') return new Promise<never>(() => {});
    await this.#delay(before);
    if (lost === 'Request') throw new Error('connection refused');
    const answer = apply();
    await this.#delay(after);
    if (lost === 'Answer') throw new Error('connection reset');
    return answer;
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => this.#simulation.time.after(ms, resolve));
  }

  #clock(): Clock {
    const { time } = this.#simulation;
    const { monotonicStart, pace, wallSkewMs } = this.#options;
    return {
      monotonic: () => monotonicStart + time.monotonic() * pace,
      wall: () => time.wall() + wallSkewMs,
      after: (ms, task) => time.after(ms / pace, task),
    };
  }
}
