/**
 * What is kept of batches, their files and deferred requests: a record of JSON each, and contents beside them. Records are replaced
 * whole, contents only grow, so that a process killed at any instant leaves what the next one can go on from. Bounded in bytes
 * and in objects. One medium is for one sidecar.
 */
import { OutriderError } from '../../errors/table.ts';
import { isId, type Kind } from './ids.ts';
import { type Growing, type Medium, wholeOf } from './media/medium.ts';
import { type AsyncRecord, type BatchRecord, type FileRecord, isOver } from './records.ts';

export interface SpoolOptions {
  medium: Medium;
  /** Most that is kept, in bytes. */
  maxBytes: number;
  warn: (message: string) => void;
}

const MOST: Readonly<Record<Kind, number>> = { File: 1000, Batch: 500, Async: 1000 };
/** Waiting for somebody to end something is all a caller can do. */
const RETRY_MS = 60_000;

interface Records {
  File: FileRecord;
  Batch: BatchRecord;
  Async: AsyncRecord;
}

const KINDS: readonly Kind[] = ['File', 'Batch', 'Async'];

export class Spool {
  readonly medium: Medium;
  readonly #maxBytes: number;
  readonly #records: { [K in Kind]: Map<string, Records[K]> } = {
    File: new Map(),
    Batch: new Map(),
    Async: new Map(),
  };
  #bytes = 0;
  /** Records are written one after the other: the last word of each must stand last. */
  readonly #saving = new Map<string, Promise<void>>();

  private constructor({ medium, maxBytes }: SpoolOptions) {
    this.medium = medium;
    this.#maxBytes = maxBytes;
  }

  /** Reads what is there. Throws where the medium cannot be used. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options);
    await spool.#read(options.warn);
    return spool;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get files(): ReadonlyMap<string, FileRecord> {
    return this.#records.File;
  }

  get batches(): ReadonlyMap<string, BatchRecord> {
    return this.#records.Batch;
  }

  get deferred(): ReadonlyMap<string, AsyncRecord> {
    return this.#records.Async;
  }

  /** What the content of an object is called in the medium; `part` where it has several. */
  name(id: string, part = 'data'): string {
    return `${id}.${part}`;
  }

  /** Takes bytes, or gives them back. Throws `spool_full`. */
  readonly grow = (bytes: number): void => {
    if (bytes > 0 && this.#bytes + bytes > this.#maxBytes) {
      throw new OutriderError('spool_full', { what: `${this.#maxBytes} bytes` }, RETRY_MS);
    }
    this.#bytes += bytes;
  };

  /** Throws `spool_full` where there are as many as may be. */
  room(kind: Kind): void {
    const most = MOST[kind];
    if (this.#records[kind].size < most) return;
    throw new OutriderError('spool_full', { what: `${most} ${NAMES[kind]}` }, RETRY_MS);
  }

  /** Resolves when it is kept. One that is new and cannot be kept was never there. */
  save<K extends Kind>(kind: K, record: Records[K]): Promise<void> {
    const { id } = record;
    const records = this.#records[kind] as Map<string, Records[K]>;
    const isNew = !records.has(id);
    records.set(id, record);
    const before = this.#saving.get(id) ?? Promise.resolve();
    const saved = before
      .catch(() => {})
      .then(() => this.medium.replace(this.name(id, 'json'), JSON.stringify(records.get(id) ?? record)));
    this.#saving.set(id, saved);
    const forget = (): boolean => this.#saving.get(id) === saved && this.#saving.delete(id);
    saved.then(forget, () => {
      if (forget() && isNew) records.delete(id);
    });
    return saved;
  }

  /** The record first: contents without one are removed when the spool is opened. */
  async remove(kind: Kind, id: string): Promise<void> {
    this.#records[kind].delete(id);
    await this.#saving.get(id)?.catch(() => {});
    await this.medium.remove(this.name(id, 'json'));
    for (const part of PARTS) await this.removePart(id, part);
  }

  /** A content that nobody has heard of; its bytes are the caller's to give back. */
  async discard(id: string): Promise<void> {
    await this.medium.remove(this.name(id));
  }

  /** Bytes of a content; 0 where there is none. */
  size(id: string, part = 'data'): Promise<number> {
    return this.medium.size(this.name(id, part));
  }

  /** A content begun anew, whose bytes are taken as they come. */
  async begin(id: string, part = 'data'): Promise<Growing> {
    await this.removePart(id, part);
    const content = await this.medium.grow(this.name(id, part), 0);
    const { grow } = this;
    return {
      get length() {
        return content.length;
      },
      async append(bytes) {
        grow(bytes.length);
        try {
          await content.append(bytes);
        } catch (error) {
          grow(-bytes.length);
          throw error;
        }
      },
      sync: () => content.sync(),
      close: () => content.close(),
    };
  }

  async removePart(id: string, part: string): Promise<void> {
    const size = await this.size(id, part);
    await this.medium.remove(this.name(id, part));
    this.#bytes -= size;
  }

  /** Removes what nobody may ask for any more. `now`: wall clock. */
  async sweep(now: number): Promise<void> {
    for (const { id, expiresAt } of this.#records.File.values()) {
      if (expiresAt <= now && !this.inUse(id)) await this.remove('File', id);
    }
    for (const batch of this.#records.Batch.values()) {
      if (isOver(batch) && (batch.at[batch.state] ?? batch.createdAt) + KEPT_MS <= now) {
        await this.remove('Batch', batch.id);
      }
    }
    for (const { id, expiresAt, state } of this.#records.Async.values()) {
      const grace = state === 'expired' ? ASYNC_GRACE_MS : 0;
      if (expiresAt + grace <= now && state !== 'queued' && state !== 'in_progress') {
        await this.remove('Async', id);
      }
    }
  }

  /** A batch that has not ended reads from it. */
  inUse(file: string): boolean {
    for (const batch of this.#records.Batch.values()) {
      if (batch.inputFileId === file && !isOver(batch)) return true;
    }
    return false;
  }

  async #read(warn: (message: string) => void): Promise<void> {
    const found = await this.medium.list();
    for (const { name } of found) {
      if (!name.endsWith('.json')) continue;
      const id = name.slice(0, -'.json'.length);
      const kind = KINDS.find((one) => isId(one, id));
      if (kind === undefined) continue;
      const text = (await wholeOf(this.medium, name)).toString('utf8');
      try {
        const record = JSON.parse(text) as Records[Kind];
        if (record.id !== id) throw new Error(`it is of ${record.id}`);
        (this.#records[kind] as Map<string, Records[Kind]>).set(id, record);
      } catch (error) {
        warn(`${name} of the spool is left aside: ${String(error)}`);
      }
    }
    const results = new Set(
      [...this.#records.Batch.values()].flatMap(({ outputFileId, errorFileId }) => [
        outputFileId,
        errorFileId,
      ]),
    );
    for (const { name, bytes } of found) {
      const [id = '', part = ''] = name.split('.', 2);
      if (part === 'json' || !KINDS.some((kind) => isId(kind, id))) continue;
      const known = KINDS.some((kind) => isId(kind, id) && this.#records[kind].has(id)) || results.has(id);
      if (known) this.#bytes += bytes;
      else await this.medium.remove(name);
    }
  }
}

const NAMES: Readonly<Record<Kind, string>> = {
  File: 'files',
  Batch: 'batches',
  Async: 'deferred requests',
};
/** Of all kinds. */
const PARTS = ['data', 'started', 'answer', 'upload', 'results'] as const;
const KEPT_MS = 30 * 24 * 3_600_000;
/** One that is too late to be answered is told so for an hour. */
const ASYNC_GRACE_MS = 3_600_000;
