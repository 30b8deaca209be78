/**
 * Answers in memory, bounded by bytes. Each rule has a part of its own in two segments: what was asked for once, and what
 * was asked for again. The first goes first, so that a crowd of questions that nobody repeats does not push out those that
 * everybody does.
 */
import { type CachedAnswer, sizeOf } from './answer.ts';

/** Of a rule's bytes, what those that were asked for again may take. */
const KEPT_SHARE = 0.8;

interface Entry {
  readonly key: string;
  readonly answer: CachedAnswer;
  readonly bytes: number;
  usedAt: number;
}

/** Maps keep the order of insertion: the first is what was not used for longest. */
interface Part {
  readonly once: Map<string, Entry>;
  readonly again: Map<string, Entry>;
  bytes: number;
  againBytes: number;
}

/** `maxBytes`: of the part; unset: of everything. `extra`: bytes that are kept elsewhere for it. */
export interface Room {
  maxBytes?: number | undefined;
  extra?: number;
}

export interface StoreOptions {
  maxBytes: number;
  /** Wall clock, milliseconds. */
  wall: () => number;
  /** An entry is gone. */
  onGone?: (part: string, key: string) => void;
}

export class AnswerStore {
  readonly maxBytes: number;
  readonly #wall: () => number;
  readonly #onGone: StoreOptions['onGone'];
  readonly #parts = new Map<string, Part>();
  #bytes = 0;
  #reserved = 0;
  #ticks = 0;

  constructor({ maxBytes, wall, onGone }: StoreOptions) {
    this.maxBytes = maxBytes;
    this.#wall = wall;
    this.#onGone = onGone;
  }

  /** Answers that are kept, and those that are being recorded. */
  get usedBytes(): number {
    return this.#bytes + this.#reserved;
  }

  get entries(): number {
    let count = 0;
    for (const { once, again } of this.#parts.values()) count += once.size + again.size;
    return count;
  }

  get(partName: string, key: string): CachedAnswer | undefined {
    const part = this.#parts.get(partName);
    const entry = part?.again.get(key) ?? part?.once.get(key);
    if (!part || !entry) return undefined;
    if (entry.answer.expires <= this.#wall()) {
      this.#drop(partName, part, entry);
      return undefined;
    }
    entry.usedAt = ++this.#ticks;
    if (part.again.delete(key)) {
      part.again.set(key, entry);
    } else {
      part.once.delete(key);
      part.again.set(key, entry);
      part.againBytes += entry.bytes;
      this.#demote(part);
    }
    return entry.answer;
  }

  /** False: it is too large. */
  put(partName: string, key: string, answer: CachedAnswer, room: Room = {}): boolean {
    const { maxBytes = this.maxBytes, extra = 0 } = room;
    const bytes = sizeOf(answer) + extra;
    const most = Math.min(maxBytes, this.maxBytes);
    this.delete(partName, key);
    if (bytes > most) return false;
    this.#shrink(partName, most - bytes);
    if (!this.#makeRoom(bytes)) return false;
    let part = this.#parts.get(partName);
    if (!part) {
      part = { once: new Map(), again: new Map(), bytes: 0, againBytes: 0 };
      this.#parts.set(partName, part);
    }
    part.once.set(key, { key, answer, bytes, usedAt: ++this.#ticks });
    part.bytes += bytes;
    this.#bytes += bytes;
    return true;
  }

  delete(partName: string, key: string): void {
    const part = this.#parts.get(partName);
    const entry = part?.again.get(key) ?? part?.once.get(key);
    if (part && entry) this.#drop(partName, part, entry);
  }

  /** Takes room for an answer that is being recorded. False: there is none, even without everything that is kept. */
  reserve(bytes: number): boolean {
    if (!this.#makeRoom(bytes)) return false;
    this.#reserved += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#reserved -= bytes;
  }

  /** Forgets the parts of rules that are gone or have changed. */
  retain(partNames: ReadonlySet<string>): void {
    for (const [name, part] of this.#parts) {
      if (partNames.has(name)) continue;
      for (const entry of [...part.once.values(), ...part.again.values()]) this.#drop(name, part, entry);
    }
  }

  #shrink(name: string, most: number): void {
    const part = this.#parts.get(name);
    if (!part) return;
    for (let first = firstOf(part); first && part.bytes > most; first = firstOf(part)) {
      this.#drop(name, part, first);
    }
  }

  #makeRoom(bytes: number): boolean {
    if (this.#reserved + bytes > this.maxBytes) return false;
    while (this.usedBytes + bytes > this.maxBytes) {
      const [name, part] = this.#longestUnused() ?? [];
      if (name === undefined || !part) return false;
      this.#evict(name, part);
    }
    return true;
  }

  /** Rules are few. */
  #longestUnused(): [string, Part] | undefined {
    let found: [string, Part] | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [name, part] of this.#parts) {
      const first = firstOf(part);
      if (first && first.usedAt < least) {
        least = first.usedAt;
        found = [name, part];
      }
    }
    return found;
  }

  #evict(name: string, part: Part): void {
    const first = firstOf(part);
    if (first) this.#drop(name, part, first);
  }

  #demote(part: Part): void {
    while (part.againBytes > part.bytes * KEPT_SHARE && part.again.size > 1) {
      const [first] = part.again.values();
      if (!first) return;
      part.again.delete(first.key);
      part.againBytes -= first.bytes;
      part.once.set(first.key, first);
    }
  }

  #drop(name: string, part: Part, entry: Entry): void {
    if (part.again.delete(entry.key)) part.againBytes -= entry.bytes;
    else part.once.delete(entry.key);
    part.bytes -= entry.bytes;
    this.#bytes -= entry.bytes;
    if (part.once.size + part.again.size === 0) this.#parts.delete(name);
    this.#onGone?.(name, entry.key);
  }
}

function firstOf({ once, again }: Part): Entry | undefined {
  for (const entry of once.values()) return entry;
  for (const entry of again.values()) return entry;
  return undefined;
}
