/**
 * One byte budget for everything the sidecar holds on behalf of requests: request bodies, held events, answers that are
 * buffered whole. Nothing here allocates; it only says whether there is room, so callers ask before they take bytes.
 */
import { OutriderError } from '../../errors/table.ts';

export const DEFAULT_MEMORY_LIMIT = 32 * 1024 * 1024;
/** When the budget is full, room comes back as soon as other requests commit. */
const RETRY_MS = 1000;

export class MemoryBudget {
  readonly limit: number;
  private held = 0;

  constructor(limit: number = DEFAULT_MEMORY_LIMIT) {
    this.limit = limit;
  }

  /** Bytes held now. */
  get used(): number {
    return this.held;
  }

  /** A holder of nothing yet; grow it as bytes come. */
  open(): MemoryHold {
    return new MemoryHold(this);
  }

  /** @internal */
  take(bytes: number): boolean {
    if (this.held + bytes > this.limit) return false;
    this.held += bytes;
    return true;
  }

  /** @internal */
  give(bytes: number): void {
    this.held -= bytes;
  }
}

/** What one holder has reserved. Releasing twice is harmless; growing after release is refused, so late bytes cannot leak. */
export class MemoryHold {
  private readonly budget: MemoryBudget;
  private bytes = 0;
  private closed = false;

  constructor(budget: MemoryBudget) {
    this.budget = budget;
  }

  get size(): number {
    return this.bytes;
  }

  /** Reserves `bytes` more. False: there is no room (or the hold is released), and nothing was reserved. */
  grow(bytes: number): boolean {
    if (this.closed || !this.budget.take(bytes)) return false;
    this.bytes += bytes;
    return true;
  }

  /** Makes the hold exactly `bytes` large. False: there is no room, and nothing changed. */
  resize(bytes: number): boolean {
    if (bytes > this.bytes) return this.grow(bytes - this.bytes);
    this.budget.give(this.bytes - bytes);
    this.bytes = bytes;
    return true;
  }

  /** What the caller is told where there is no room. */
  full(): OutriderError {
    return new OutriderError('memory_full', { limit: this.budget.limit }, RETRY_MS);
  }

  release(): void {
    this.budget.give(this.bytes);
    this.bytes = 0;
    this.closed = true;
  }
}
