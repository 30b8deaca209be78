/**
 * Between the parts of a sidecar that know something of the fleet and the connection to the operator.
 *
 * Parts add sources, whose news goes out with the next report, and listen to topics of hints. What was taken from the sources
 * stays here until a report with it was answered, and is sent again unchanged: whoever counts it can tell it by its number.
 */
import {
  FLEET_TOPICS,
  type FleetReport,
  type FleetTopicName,
  MAX_FLEET_BYTES,
  MAX_FLEET_TOPIC_BYTES,
} from './messages.ts';

export interface FleetSource {
  readonly topic: FleetTopicName;
  /** What was learnt since the last call, as JSON of at most MAX_FLEET_TOPIC_BYTES; undefined: nothing. It is not asked for again. */
  take(): unknown;
}

/** Hears what the operator says of a topic: any JSON at all. Called with undefined where it no longer says anything. */
export type HintListener = (value: unknown) => void;

/** What parts of the sidecar see of it. */
export interface FleetSeam {
  /** At most one source of each topic. */
  report(source: FleetSource): void;
  onHints(topic: FleetTopicName, listener: HintListener): void;
  /** Others should know soon: the next report need not wait for its time. */
  urgent(): void;
}

export class FleetLink implements FleetSeam {
  readonly #sources = new Map<FleetTopicName, FleetSource>();
  readonly #listeners = new Map<FleetTopicName, HintListener[]>();
  readonly #warn: (message: string) => void;
  #pending: FleetReport | undefined;
  #sequence = 0;
  #onUrgent: (() => void) | undefined;

  constructor(warn: (message: string) => void = () => {}) {
    this.#warn = warn;
  }

  report(source: FleetSource): void {
    if (this.#sources.has(source.topic)) throw new Error(`two sources of ${source.topic}`);
    this.#sources.set(source.topic, source);
  }

  onHints(topic: FleetTopicName, listener: HintListener): void {
    this.#listeners.set(topic, [...(this.#listeners.get(topic) ?? []), listener]);
  }

  urgent(): void {
    this.#onUrgent?.();
  }

  /** Whoever reports is told when a report should not wait. */
  onUrgent(listener: () => void): void {
    this.#onUrgent = listener;
  }

  /** What the next report carries; undefined where there is nothing to tell. The same until it is delivered. */
  compose(): FleetReport | undefined {
    if (this.#pending) return this.#pending;
    const report: FleetReport = { sequence: this.#sequence + 1 };
    let left = MAX_FLEET_BYTES;
    for (const source of this.#sources.values()) {
      const value = this.#taken(source);
      if (value === undefined) continue;
      const bytes = Buffer.byteLength(JSON.stringify(value));
      if (bytes > Math.min(left, MAX_FLEET_TOPIC_BYTES)) {
        this.#warn(`what this pod knows of ${source.topic} takes ${bytes} bytes, too many for a report`);
        continue;
      }
      left -= bytes;
      report[source.topic] = value;
    }
    if (Object.keys(report).length === 1) return undefined;
    this.#sequence = report.sequence;
    this.#pending = report;
    return report;
  }

  /** The report with that number was answered. */
  delivered(sequence: number): void {
    if (this.#pending?.sequence === sequence) this.#pending = undefined;
  }

  /** Takes hints as they came: no object counts as none. */
  hear(hints: unknown): void {
    const known = typeof hints === 'object' && hints !== null ? (hints as Record<string, unknown>) : {};
    for (const topic of FLEET_TOPICS) {
      const value = Object.hasOwn(known, topic) ? known[topic] : undefined;
      for (const listener of this.#listeners.get(topic) ?? []) {
        try {
          listener(value);
        } catch (error) {
          this.#warn(`hints about ${topic} could not be taken: ${String(error)}`);
        }
      }
    }
  }

  #taken(source: FleetSource): unknown {
    try {
      return source.take();
    } catch (error) {
      this.#warn(`what this pod knows of ${source.topic} could not be reported: ${String(error)}`);
      return undefined;
    }
  }
}
