/** Who of several replicas acts: writes statuses, takes reports, rotates certificates. Everything else all of them do. */

export interface Leadership {
  /** True only as long as nobody else can have been elected. Ask at the moment of acting. */
  isLeader(): boolean;
  /** Grows with every change of leader; undefined while this replica does not lead. */
  term(): number | undefined;
  /** `host:port` where the leader takes reports; undefined while there is none that is known. */
  leaderAddress(): string | undefined;
  /** Calls `listener` when this replica becomes the leader, or at once where it is. */
  onGained(listener: () => void): void;
  /** Gives leadership back, so that another replica need not wait for it to run out. */
  stop(): Promise<void>;
}

/** A replica that is the only one. */
export const alone: Leadership = {
  isLeader: () => true,
  term: () => 0,
  leaderAddress: () => undefined,
  onGained: (listener) => listener(),
  stop: () => Promise.resolve(),
};
