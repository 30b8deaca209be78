/**
 * What ran last, on disk, for a restart that finds no operator. Keys are written only where the
 * directory is memory (tmpfs); elsewhere the file goes without them. The file is this process's own: mode 0600, replaced
 * as a whole, and believed only if it still is what was written.
 */
import { statfs } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Clock, systemClock } from './clock.ts';
import type { Remembered } from './holder.ts';
import { readOwnFile, replaceOwnFile } from './own-file.ts';
import { readCredentials } from './read-messages.ts';
import type { CredentialSet } from './schema.ts';

export interface Loaded {
  remembered: Remembered;
  /** Undefined where the directory is not memory. */
  credentials: CredentialSet | undefined;
  /** Since it was written. */
  ageMs: number;
}

/** `reason` undefined: there is no file. */
export type LoadResult = { ok: true; loaded: Loaded } | { ok: false; reason: string | undefined };

export interface LastKnownGoodOptions {
  directory: string;
  clock?: Clock;
  /** Whether a directory is in memory; asks the kernel when unset. */
  inMemory?: (directory: string) => Promise<boolean>;
}

const FILE = 'last-known-good.json';
const FORMAT = 1;
const MAX_BYTES = 64 * 1_048_576;
const TMPFS_MAGIC = 0x01021994;

export class LastKnownGood {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #inMemory: (directory: string) => Promise<boolean>;
  #next: { remembered: Remembered; credentials: CredentialSet } | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: LastKnownGoodOptions) {
    this.#directory = options.directory;
    this.#clock = options.clock ?? systemClock;
    this.#inMemory = options.inMemory ?? onTmpfs;
  }

  get #file(): string {
    return path.join(this.#directory, FILE);
  }

  async load(): Promise<LoadResult> {
    let text: string;
    try {
      ({ text } = await readOwnFile(this.#file, MAX_BYTES));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { ok: false, reason: code === 'ENOENT' ? undefined : (code ?? message) };
    }
    try {
      return { ok: true, loaded: await this.#parse(text) };
    } catch {
      return { ok: false, reason: 'its content is not what this version writes' };
    }
  }

  /** Writes, or replaces what waits to be written: only the latest counts. Rejects when the file could not be written. */
  save(remembered: Remembered, credentials: CredentialSet): Promise<void> {
    this.#next = { remembered, credentials };
    this.#writing ??= this.#writeAll();
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#next) {
        const { remembered, credentials } = this.#next;
        this.#next = undefined;
        const withKeys = await this.#inMemory(this.#directory);
        const content = {
          format: FORMAT,
          savedAt: this.#clock.wall(),
          ...remembered,
          ...(withKeys && { credentials }),
        };
        await replaceOwnFile(this.#file, JSON.stringify(content));
      }
    } finally {
      // In the same turn as the last look at `#next`, so that nothing is put there that nobody writes.
      this.#writing = undefined;
    }
  }

  async #parse(text: string): Promise<Loaded> {
    const content = JSON.parse(text) as Partial<Remembered> & {
      format?: unknown;
      savedAt?: unknown;
      credentials?: unknown;
    };
    const { format, savedAt, snapshot, kept, credentials } = content;
    if (format !== FORMAT || typeof savedAt !== 'number' || !snapshot || !Array.isArray(kept)) {
      throw new Error('format');
    }
    // Keys in a file that is not in memory are not ours: we never write them there.
    const believed = credentials !== undefined && (await this.#inMemory(this.#directory));
    return {
      remembered: { snapshot, kept },
      credentials: believed ? readCredentials(credentials) : undefined,
      ageMs: Math.max(0, this.#clock.wall() - savedAt),
    };
  }
}

/** Whether the kernel keeps the directory in memory. */
export async function onTmpfs(directory: string): Promise<boolean> {
  return (await promisify(statfs)(directory)).type === TMPFS_MAGIC;
}
