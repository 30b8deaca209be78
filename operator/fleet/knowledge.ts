/**
 * What all sidecars together know, merged by topic. Held by the leader, which alone has the reports; in memory only: a new
 * leader knows it again after one round of reports.
 */
import {
  FLEET_TOPICS,
  type FleetReport,
  type FleetTopicName,
  type Hints,
  MAX_HINTS_BYTES,
} from '../../sidecar/snapshot/fleet/messages.ts';
import type { PodLookup } from '../sync/pods.ts';
import type { FleetTopic, HintAudience } from './topic.ts';

export interface KnowledgeOptions {
  topics: readonly FleetTopic[];
  pods: PodLookup;
  /** A topic of a report was not of the agreed form, or what one pod may know does not fit. */
  onProblem?: (topic: FleetTopicName, problem: 'Malformed' | 'TooLong') => void;
}

/** Which report of a pod was counted last. */
interface Counted {
  epoch: string;
  sequence: number;
}

export class FleetKnowledge {
  readonly #options: KnowledgeOptions;
  readonly #counted = new Map<string, Counted>();
  readonly #unsubscribe: () => void;

  constructor(options: KnowledgeOptions) {
    this.#options = options;
    this.#unsubscribe = options.pods.onChange((uid) => {
      if (!options.pods.get(uid)) this.#forget(uid);
    });
  }

  /** Merges what the report says, once for each (pod, epoch, sequence); `now` is monotonic. */
  accept(audience: HintAudience, epoch: string, report: FleetReport, now: number): void {
    const { topics, onProblem } = this.#options;
    const { uid } = audience.pod;
    const counted = this.#counted.get(uid);
    if (counted?.epoch === epoch && report.sequence <= counted.sequence) return;
    this.#counted.set(uid, { epoch, sequence: report.sequence });
    for (const topic of topics) {
      const value = report[topic.name];
      if (value !== undefined && !topic.accept(audience, value, now)) onProblem?.(topic.name, 'Malformed');
    }
  }

  /** Undefined where there is nothing to tell. Topics that do not fit any more are left out, last ones first. */
  hintsFor(audience: HintAudience, now: number): Hints | undefined {
    const { topics, onProblem } = this.#options;
    const hints: Hints = {};
    let left = MAX_HINTS_BYTES - 2;
    for (const topic of topics) {
      const value = topic.hintsFor(audience, now);
      if (value === undefined) continue;
      left -= Buffer.byteLength(JSON.stringify(value)) + topic.name.length + 4;
      if (left < 0) {
        onProblem?.(topic.name, 'TooLong');
        break;
      }
      hints[topic.name] = value;
    }
    return Object.keys(hints).length > 0 ? hints : undefined;
  }

  stop(): void {
    this.#unsubscribe();
  }

  #forget(uid: string): void {
    this.#counted.delete(uid);
    for (const topic of this.#options.topics) topic.forget(uid);
  }
}

/** Member `fleet` of a report, reduced to what is known here; undefined for what is no such thing: the rest of the report counts all the same. */
export function readFleetReport(value: unknown): FleetReport | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const given = value as Record<string, unknown>;
  const { sequence } = given;
  if (!Number.isSafeInteger(sequence) || (sequence as number) < 1) return undefined;
  const report: FleetReport = { sequence: sequence as number };
  for (const topic of FLEET_TOPICS) if (given[topic] !== undefined) report[topic] = given[topic];
  return report;
}
