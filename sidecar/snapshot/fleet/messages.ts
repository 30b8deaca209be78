/**
 * What sidecars tell each other through the operator: reports carry what one saw, hints what all saw together.
 *
 * Every topic is one optional member with an owner on both sides; whoever does not know a topic leaves it aside. Neither side
 * believes the other: whoever owns a topic reads it as anything at all.
 */

/** Bounds in bytes of JSON: one topic of a report, all of a report, all hints of one pod. The last fits in an event of the stream. */
export const MAX_FLEET_TOPIC_BYTES = 32_768;
export const MAX_FLEET_BYTES = 131_072;
export const MAX_HINTS_BYTES = 49_152;

/** Topics by name. One more is one more word here, a FleetSource and a listener in the sidecar, and a FleetTopic in the operator. */
export const FLEET_TOPICS = ['providers', 'experiments', 'adaptive', 'quality'] as const;
export type FleetTopicName = (typeof FLEET_TOPICS)[number];

/** Member `fleet` of a Report: what was learnt since the last one that was answered with 200. */
export type FleetReport = {
  /**
   * Grows with each new one; one that was not answered is sent again as it was, under its number. (pod, epoch, sequence) is
   * counted once.
   */
  sequence: number;
} & { [topic in FleetTopicName]?: unknown };

/** Data of event `hints`, and member `hints` of a ReportAnswer: all that the pod may know now. A topic that is absent says nothing. */
export type Hints = { [topic in FleetTopicName]?: unknown };
