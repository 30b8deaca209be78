/** What a process shares of rates with the fleet, as whoever reports sees it. */
import type { RateAnswer, RateReport } from './rate-messages.ts';

export interface RateSource {
  /** What a report carries; undefined: nothing. */
  compose(): RateReport | undefined;
  /** The report with what was composed last was answered; undefined: without a word of rates. */
  hear(answer: RateAnswer | undefined): void;
  /** When to report again at the latest, in milliseconds; undefined: as usual. */
  nextInMs(): number | undefined;
  /** Is told when a report should not wait. */
  onUrgent(report: () => void): void;
}
