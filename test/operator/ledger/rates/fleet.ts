/** Sidecars and a leader on virtual time, with the code that both run: what gets lost between them, and who takes over. */
import { RateSharing } from '../../../../operator/ledger/rates/rate-sharing.ts';
import { Bucket, type RateHold } from '../../../../sidecar/limits/rates/bucket.ts';
import { FleetRates } from '../../../../sidecar/limits/rates/fleet-rates.ts';
import type { RateAnswer, RateReport } from '../../../../sidecar/snapshot/rate-messages.ts';
import { type RateLimitBody, windowOf } from '../../../../sidecar/snapshot/shapes/rate-limits.ts';
import { VirtualClock } from '../../../sidecar/dispatch/virtual-clock.ts';

const NORMAL = 2;
/** A regular report, where nothing is asked for. */
const REGULAR_MS = 30_000;
/** One way. */
const LATENCY_MS = 5;

export const limit = (over: Partial<RateLimitBody> = {}): RateLimitBody => ({
  id: 'route/shop/assistant/chat/all',
  rate: { of: 'Requests', amount: 100, per: 'Second' },
  key: [],
  maxKeys: 100,
  maxWaitMs: 0,
  ...over,
});

/** One process of a sidecar. */
export class Pod {
  readonly uid: string;
  readonly epoch: string;
  readonly bucket: Bucket;
  readonly rates: FleetRates;
  /** When requests were let through, and how much they took. */
  readonly taken: { at: number; amount: number }[] = [];
  refused = 0;
  /** Neither its reports nor answers arrive. */
  cut = false;
  /** Requests a second. */
  rps = 0;
  dead = false;
  #due = 0;
  #next: { cancel(): void } | undefined;
  #underWay = false;
  #again = false;
  readonly #world: Fleet;

  constructor(world: Fleet, uid: string, epoch: string) {
    this.#world = world;
    this.uid = uid;
    this.epoch = epoch;
    const { clock, body } = world;
    this.bucket = new Bucket(body, '');
    this.rates = new FleetRates({ clock, shared: true });
    const buckets = new Map([['', this.bucket]]);
    this.rates.serve(
      { sharesInUse: () => [], setShares: () => {} },
      { limits: new Map([[body.id, { buckets }]]) as never, freed: () => {} },
    );
    this.rates.onUrgent(() => this.#report());
    this.#report();
  }

  request(amount = 1): RateHold | undefined {
    const now = this.#world.clock.monotonic();
    if (this.bucket.shortage(amount, undefined, NORMAL, this.rates, now)) {
      this.refused++;
      this.rates.urgent();
      return undefined;
    }
    this.taken.push({ at: now, amount });
    return this.bucket.take(amount, undefined, now);
  }

  /** What `rps` asks for in `ms`; calls end at once. */
  tick(ms: number, amount = 1): void {
    this.#due += (this.rps * ms) / 1000;
    for (; this.#due >= 1; this.#due--) {
      const hold = this.request(amount);
      if (hold) this.bucket.end(hold, false, this.#world.clock.monotonic());
    }
  }

  stop(): void {
    this.dead = true;
    this.rates.stop();
    this.#next?.cancel();
  }

  #report(): void {
    if (this.dead) return;
    if (this.#underWay) {
      this.#again = true;
      return;
    }
    this.#next?.cancel();
    this.#underWay = true;
    const { clock } = this.#world;
    const report = this.rates.compose();
    const toLeader = this.#world.network(this);
    clock.after(LATENCY_MS, () => {
      const answer = toLeader ? this.#world.leaderAnswers(this, report) : 'Lost';
      const back = this.#world.network(this);
      clock.after(LATENCY_MS, () => this.#answered(back ? answer : 'Lost'));
    });
  }

  #answered(answer: RateAnswer | undefined | 'Lost'): void {
    if (this.dead) return;
    this.#underWay = false;
    if (answer !== 'Lost') this.rates.hear(answer);
    const wait = answer === 'Lost' ? 1000 : Math.min(REGULAR_MS, this.rates.nextInMs() ?? REGULAR_MS);
    const soon = this.#again && answer !== 'Lost';
    this.#again = false;
    if (soon) this.#report();
    else this.#next = this.#world.clock.after(wait, () => this.#report());
  }
}

export class Fleet {
  readonly clock = new VirtualClock();
  readonly body: RateLimitBody;
  pods: Pod[] = [];
  /** Everything that was let through, by pods that are gone as well. */
  readonly past: { at: number; amount: number }[] = [];
  leader: RateSharing | undefined;
  /** Chance that a message is lost. */
  loss = 0;
  readonly #random: () => number;
  #term = 0;
  #epochs = 0;

  constructor(body: RateLimitBody, random: () => number = () => 0.5) {
    this.body = body;
    this.#random = random;
    this.elect();
  }

  add(uid: string): Pod {
    const pod = new Pod(this, uid, `e${++this.#epochs}`);
    this.pods.push(pod);
    return pod;
  }

  /** Its node is gone. */
  kill(pod: Pod): void {
    pod.stop();
    this.past.push(...pod.taken);
    this.pods = this.pods.filter((one) => one !== pod);
  }

  elect(): void {
    const { rate, concurrency } = this.body;
    const shared = {
      rate: rate && windowOf(rate),
      atOnce: concurrency === undefined ? undefined : { capacity: concurrency, lengthMs: 0 },
      byNamespace: false,
    };
    const term = ++this.#term;
    this.leader = new RateSharing({
      limitOf: (_uid, id) => (id === this.body.id ? shared : undefined),
      podsOf: () => this.pods.map(({ uid }) => uid),
      lives: (uid) => this.pods.some((pod) => pod.uid === uid),
      term: () => term,
      monotonic: () => this.clock.monotonic(),
    });
  }

  network(pod: Pod): boolean {
    return !pod.cut && this.leader !== undefined && !(this.loss > 0 && this.#random() < this.loss);
  }

  leaderAnswers(pod: Pod, report: RateReport | undefined): RateAnswer | undefined | 'Lost' {
    if (!this.leader) return 'Lost';
    return this.leader.answer({ uid: pod.uid, namespace: 'shop' }, pod.epoch, structuredClone(report));
  }

  /** Time passes, in steps of 10 ms in which every pod asks for what it wants. */
  run(ms: number, step = 10): void {
    for (let passed = 0; passed < ms; passed += step) {
      this.clock.advance(step);
      for (const pod of this.pods) pod.tick(step);
    }
  }

  get all(): { at: number; amount: number }[] {
    return [...this.past, ...this.pods.flatMap(({ taken }) => taken)].sort((a, b) => a.at - b.at);
  }

  /** Let through between two times. */
  between(from: number, to: number, pods: readonly Pod[] = this.pods): number {
    let sum = 0;
    for (const { taken } of pods)
      for (const { at, amount } of taken) if (at >= from && at < to) sum += amount;
    return sum;
  }

  /** The most that any window of so many milliseconds held. */
  most(lengthMs: number): number {
    const { all } = this;
    let most = 0;
    let sum = 0;
    let first = 0;
    for (const { at, amount } of all) {
      sum += amount;
      while ((all[first] as { at: number }).at <= at - lengthMs)
        sum -= (all[first++] as { amount: number }).amount;
      most = Math.max(most, sum);
    }
    return most;
  }
}
