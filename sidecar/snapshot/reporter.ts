/**
 * Tells the leader what this sidecar runs: after every change, and as often as the leader asks. It also carries usage
 * rows, which stay with their owner until they are acknowledged.
 */
import { jittered } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';
import type { FleetLink } from './fleet/link.ts';
import type { FleetReport } from './fleet/messages.ts';
import type { LeaseParty } from './lease-party.ts';
import {
  type Acknowledgement,
  MAX_EXCEPTIONS,
  MAX_REPORT_BYTES,
  MAX_ROWS,
  type ReportAnswer,
} from './messages.ts';
import { Pause } from './pause.ts';
import type { RateSource } from './rate-source.ts';
import { readAnswer, readJson, readLeader } from './read-messages.ts';
import { type Frame, ReportBody } from './report-body.ts';
import { type Answer, ExchangeFailed, type Transport } from './transport.ts';

/** Usage rows on their way to the ledger. */
export interface RowSource {
  /** The oldest unacknowledged rows, at most `limit`. */
  pending(limit: number): unknown[];
  /** Rows up to this sequence number need not be sent again; `each` hears what they charged. */
  acknowledge(seq: number, each?: LeaseParty['acknowledged']): void;
}

/** Rows of an earlier process, to be handed in under its epoch. */
export interface InheritedSource {
  readonly epoch: string;
  readonly size: number;
  pending(limit: number): unknown[];
  acknowledge(seq: number): void;
  /** All of it is safe. */
  forget(): Promise<void>;
}

export interface ReporterOptions {
  transport: Transport;
  acknowledgement: () => Acknowledgement;
  /** Random per process start. */
  epoch: string;
  proxyVersion: string;
  features: readonly string[];
  rows: RowSource | undefined;
  /** What earlier processes of this pod left, oldest first; goes out before what is our own. */
  inherited?: readonly InheritedSource[] | undefined;
  /** Unset: nothing is told of what this pod learns, and hints are not heard. */
  fleet?: FleetLink | undefined;
  /** Unset: no rate is shared. */
  rates?: RateSource | undefined;
  /** Unset: nothing is budgeted. */
  leases?: LeaseParty | undefined;
  clock: Clock;
  random: () => number;
  onProblem: (problem: Error) => void;
}

const BACKOFF = { baseMs: 250, maxMs: 20_000 };
/** A new leader meets the whole fleet; the fleet arrives spread over this long. */
const TAKEOVER_MS = 5_000;
const OUTDATED_MS = 300_000;
/** News for others comes in bursts, and goes out no more often than this. */
const URGENT_EVERY_MS = 5_000;
const MAX_HOPS = 2;
/** The ledger writes every few seconds, and acknowledges only what is written. */
const INHERITED_EVERY_MS = 2_000;
/**
 * Where one report does not hold all rows, the next ones go out as soon as these are safe: at the pace of regular reports a pod that
 * answers fifty requests a second would never hand in all of them.
 */
const BACKLOG_EVERY_MS = 5_000;
/** Leases of as many budgets as a report may ask for. */
const ANSWER_BYTES = 1_048_576;
/** What demands may take of a report. */
const DEMAND_BYTES = 600_000;

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #pause: Pause;
  /** Not cut short by news: a change right after a takeover must not bring the whole fleet at once. */
  readonly #takeover: Pause;
  #leader: string | undefined;
  #everAnswered = false;
  #due = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #acknowledged = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #urgent: Timer | undefined;
  #failures = 0;
  #inherited: readonly InheritedSource[];
  #inheritedAt = Number.NEGATIVE_INFINITY;
  /** Wait for the end of a report that begins after they came. */
  #waiting: (() => void)[] = [];

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#inherited = options.inherited ?? [];
    this.#pause = new Pause(options.clock);
    this.#takeover = new Pause(options.clock);
  }

  /** Something changed, or the operator can be reached again: report now. The first call starts the regular reports. */
  notify(): void {
    this.#due = true;
    this.#pause.wake();
    this.#running ??= this.#run();
  }

  /** Others should know soon what this pod learnt: report now, or as soon as the last report is some seconds old. */
  urgent(): void {
    if (this.#urgent || this.#stopped || !this.#running) return;
    const { clock } = this.#options;
    const wait = this.#reportedAt + URGENT_EVERY_MS - clock.monotonic();
    this.#urgent = clock.after(Math.max(0, wait), () => {
      this.#urgent = undefined;
      this.notify();
    });
  }

  /** A request waits for a lease: report now, unless nobody has answered lately. */
  need(): void {
    if (this.#failures === 0 && this.#running && !this.#stopped) this.notify();
  }

  /** One report more, whether there are rows or not. Has no deadline of its own. */
  async once(): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.notify();
    });
  }

  /** Hands in rows, report by report, until none is left or a report brings no progress. Has no deadline of its own. */
  async flush(): Promise<void> {
    let before: number;
    do {
      if (this.#stopped || !this.#options.rows?.pending(1).length) return;
      before = this.#acknowledged;
      await this.once();
    } while (this.#acknowledged > before);
  }

  /** Resolves once no report is under way; whoever owns the transport closes it first. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#urgent?.cancel();
    this.#pause.end();
    this.#takeover.end();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#due = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      let waitMs: number;
      try {
        waitMs = await this.#report();
        this.#failures = 0;
      } catch (error) {
        if (this.#stopped) return;
        this.#failures += 1;
        this.#options.leases?.unreachable();
        const outdated = error instanceof ExchangeFailed && error.status === 426;
        const random = this.#options.random();
        waitMs = outdated ? OUTDATED_MS * (0.5 + random) : jittered(BACKOFF, this.#failures, random);
        this.#options.onProblem(error as Error);
      } finally {
        for (const resolve of waiting) resolve();
      }
      // News that came during a report that went through makes the next one due; after a failure the wait stands.
      if (this.#failures > 0 || !this.#due) await this.#pause.wait(waitMs);
    }
  }

  /** Milliseconds until the next regular report. */
  async #report(): Promise<number> {
    const { transport, rows, clock, fleet, rates, leases: party } = this.#options;
    this.#reportedAt = clock.monotonic();
    const learnt = fleet?.compose();
    const bundle = await transport.trustBundle();
    await this.#handInInherited(bundle);
    const sentAt = clock.monotonic();
    const { body, isFull } = this.#compose(bundle, learnt);
    const read = await this.#post(body);
    const { nextReportIn, acknowledgedSeq, hints, leases } = read;
    const moved = acknowledgedSeq > this.#acknowledged;
    this.#acknowledged = acknowledgedSeq;
    rows?.acknowledge(acknowledgedSeq, party && ((charges, cost) => party.acknowledged(charges, cost)));
    party?.answered(leases ?? [], sentAt);
    if (learnt) fleet?.delivered(learnt.sequence);
    fleet?.hear(hints);
    rates?.hear(read.rates);
    const regular = Math.min(nextReportIn, rates?.nextInMs() ?? nextReportIn);
    const next = isFull ? Math.min(regular, moved ? 0 : BACKLOG_EVERY_MS) : regular;
    return this.#inherited.length > 0 ? Math.min(next, INHERITED_EVERY_MS) : next;
  }

  /** One report of each earlier process, and not again before the ledger can have written. */
  async #handInInherited(bundle: string | undefined): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (this.#inherited.length === 0 || now - this.#inheritedAt < INHERITED_EVERY_MS) return;
    this.#inheritedAt = now;
    for (const old of this.#inherited) {
      const frame = { ...this.#frame(bundle), epoch: old.epoch };
      const body = new ReportBody(MAX_REPORT_BYTES - bytesOf(frame));
      body.add(old.pending(MAX_ROWS));
      const { acknowledgedSeq } = await this.#post(body.finish(frame));
      old.acknowledge(acknowledgedSeq);
      if (old.size === 0) await old.forget();
    }
    this.#inherited = this.#inherited.filter(({ size }) => size > 0);
  }

  /** `body`: a `Report`. */
  async #post(body: Buffer): Promise<ReportAnswer> {
    const { transport } = this.#options;
    for (let hop = 0; ; hop++) {
      const leader = this.#leader;
      let answer: Answer;
      try {
        answer = await transport.exchange({ method: 'POST', path: '/v1/report', body, leader }, ANSWER_BYTES);
      } catch (error) {
        // The leader is gone: the service knows the next one, or is it.
        this.#leader = undefined;
        throw error;
      }
      if (answer.status === 421 && hop < MAX_HOPS) {
        await this.#follow(answer);
        continue;
      }
      if (answer.status !== 200) {
        this.#leader = undefined;
        throw new ExchangeFailed(`the report was answered ${answer.status}`, answer.status);
      }
      const read = readAnswer(await readJson(answer, ANSWER_BYTES));
      this.#everAnswered = true;
      return read;
    }
  }

  async #follow(answer: Answer): Promise<void> {
    const leader = readLeader(answer.headers['x-outrider-leader']);
    if (leader === undefined) {
      this.#leader = undefined;
      throw new ExchangeFailed('the replica that answered is not the leader and knows none', 421);
    }
    this.#leader = leader;
    if (!this.#everAnswered) return;
    this.#everAnswered = false;
    await this.#takeover.wait(this.#options.random() * TAKEOVER_MS);
  }

  /** What every report says. */
  #frame(trustBundle: string | undefined): Frame {
    const { acknowledgement, epoch, proxyVersion, features } = this.#options;
    const ack = acknowledgement();
    return {
      epoch,
      ack: { ...ack, exceptions: ack.exceptions.slice(0, MAX_EXCEPTIONS) },
      proxyVersion,
      features: [...features],
      ...(trustBundle !== undefined && { trustBundle }),
    };
  }

  /** `isFull`: not all rows found room. */
  #compose(
    trustBundle: string | undefined,
    learnt: FleetReport | undefined,
  ): { body: Buffer; isFull: boolean } {
    const { rows, leases } = this.#options;
    const rates = this.#options.rates?.compose();
    const frame: Frame = {
      ...this.#frame(trustBundle),
      ...(learnt && { fleet: learnt }),
      ...(rates && { rates }),
    };
    const body = new ReportBody(MAX_REPORT_BYTES - bytesOf(frame) - (leases ? DEMAND_BYTES : 0));
    // One more than a report takes says whether there are more.
    const pending = rows?.pending(MAX_ROWS + 1) ?? [];
    body.add(pending.slice(0, MAX_ROWS));
    // What the rows of this report have settled is not asked for again.
    const demands = leases?.demands(pending.slice(0, body.rows));
    if (demands) frame.demands = demands;
    return { body: body.finish(frame), isFull: body.rows < pending.length };
  }
}

const bytesOf = (frame: Frame): number => Buffer.byteLength(JSON.stringify(frame));
