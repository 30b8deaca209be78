/**
 * Attempts that are waited for, the oldest first, in a chain that forgets each of them at once. A Set or Map would not: one that
 * is added to and deleted from by every request replaces its table again and again, and the tables thrown away keep whole requests
 * alive until a full collection. A link knows times and counts, and of an attempt only by whom it is held.
 */
export class Link {
  readonly startedAt: number;
  /** How many others were under way when it began. */
  readonly beside: number;
  before: Link | undefined = undefined;
  after: Link | undefined = undefined;
  open = false;

  constructor(startedAt: number, beside: number) {
    this.startedAt = startedAt;
    this.beside = beside;
  }
}

export class Waiting {
  oldest: Link | undefined = undefined;
  #newest: Link | undefined = undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(link: Link): void {
    const newest = this.#newest;
    link.open = true;
    link.before = newest;
    if (newest) newest.after = link;
    else this.oldest = link;
    this.#newest = link;
    this.#size++;
  }

  /** False: it is not, or no longer, waited for. */
  remove(link: Link): boolean {
    if (!link.open) return false;
    const { before, after } = link;
    if (before) before.after = after;
    else this.oldest = after;
    if (after) after.before = before;
    else this.#newest = before;
    // What has left holds on to nobody: it may be old, and those after it young.
    link.open = false;
    link.before = undefined;
    link.after = undefined;
    this.#size--;
    return true;
  }
}
