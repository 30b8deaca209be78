/** What a rule lets apps hand in to be answered later. Defaults are applied. */

/** Emulated: line by line, as ordinary requests. Native: by the batch API of the provider. Auto: that, where all lines go to one that has it. */
export const BATCH_MODES = ['Emulated', 'Native', 'Auto'] as const;
type BatchMode = (typeof BATCH_MODES)[number];

/** Of every day, in minutes after midnight by the clocks of the zone. An end before the start is on the next day. */
export interface DailyWindow {
  startMinute: number;
  endMinute: number;
  timeZone: string;
}

export interface BatchBody {
  mode: BatchMode;
  /** Lines are sent within it only. Absent: at any time. */
  window?: DailyWindow;
  /** Lines under way at once. */
  maxConcurrent: number;
  /** Lines of a batch. */
  maxRequests: number;
  /** Bytes of its input. */
  maxBytes: number;
  /** What is not answered by then is given up. */
  expiresAfterMs: number;
}

export interface AsyncBody {
  /** For how long an answer is kept, and tried for. */
  expiresAfterMs: number;
  /** Absent: callers ask for the answer themselves. */
  webhook?: {
    /** Host names that may be called, exact or as `*.example.com`. */
    hosts: string[];
    /** Id of the credential that signs what is sent. */
    secret: string;
  };
}
