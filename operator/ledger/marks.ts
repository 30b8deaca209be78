/** Up to where the rows of each pod are counted. A row at or below the mark of its epoch was counted before, and is not again. */

/** One process of a sidecar. */
export interface Mark {
  readonly epoch: string;
  /** Highest sequence number that is counted. */
  seq: number;
  /** When it last rose, in milliseconds since the epoch. */
  at: number;
}

/** Marks of a pod, oldest first. A restarted sidecar hands in what its former process left before its own rows. */
export type Marks = Map<string, Mark[]>;

/** Processes of one pod that can have rows left. */
const MAX_EPOCHS = 4;

export function seqOf(marks: Marks, uid: string, epoch: string): number {
  return marks.get(uid)?.find((mark) => mark.epoch === epoch)?.seq ?? 0;
}

export function raise(marks: Marks, uid: string, epoch: string, seq: number, now: number): void {
  let list = marks.get(uid);
  if (!list) marks.set(uid, (list = []));
  const mark = list.find((one) => one.epoch === epoch);
  if (mark) {
    mark.seq = Math.max(mark.seq, seq);
    mark.at = now;
    return;
  }
  list.push({ epoch, seq, at: now });
  if (list.length > MAX_EPOCHS) list.splice(0, list.length - MAX_EPOCHS);
}

/** Forgets pods that are gone and have said nothing for so long. */
export function forget(marks: Marks, lives: (uid: string) => boolean, before: number): void {
  for (const [uid, list] of marks) {
    if (!lives(uid) && list.every(({ at }) => at < before)) marks.delete(uid);
  }
}

export const copyOf = (marks: Marks): Marks =>
  new Map([...marks].map(([uid, list]) => [uid, list.map((mark) => ({ ...mark }))]));
