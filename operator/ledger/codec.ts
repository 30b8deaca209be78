/** A shard as it is kept: JSON, compressed, and never more than one object may hold. */
import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import { Book, MAX_KEYS, type WrittenEntry } from './book.ts';
import type { Mark } from './marks.ts';
import { type Day, emptyShard, type Shard } from './shard.ts';

const gzip = promisify(gzipCallback);
const gunzip = promisify(gunzipCallback);

/** Of the compressed JSON; in the object it is a third more, as base64. */
const MAX_BYTES = 192 * 1024;
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const VERSION = 1;

interface Written {
  version: number;
  marks: Record<string, Mark[]>;
  days: Record<Day, WrittenEntry[]>;
  closedThrough: Day;
  spend: Record<string, string>;
}

/** What cannot be read is not overwritten: it may be of a newer version, and it is money. */
export class LedgerUnreadable extends Error {}

export async function encodeShard(shard: Shard): Promise<Buffer> {
  for (let keys = MAX_KEYS; ; keys = Math.floor(keys / 2)) {
    const bytes = await gzip(JSON.stringify(written(shard, keys)), { level: 1 });
    // Marks and spend are never dropped; of the history the smallest sums lose their names.
    if (bytes.length <= MAX_BYTES || keys <= 1) return bytes;
  }
}

export async function decodeShard(bytes: Buffer): Promise<Shard> {
  const { version, ...kept } = await readJson<Written>(bytes);
  if (version !== VERSION) throw new LedgerUnreadable(`it is of version ${String(version)}, not ${VERSION}`);
  const shard = emptyShard();
  for (const [uid, marks] of Object.entries(kept.marks)) shard.marks.set(uid, marks);
  for (const [day, entries] of Object.entries(kept.days)) shard.days.set(day, Book.read(entries));
  for (const [name, nano] of Object.entries(kept.spend)) shard.spend.set(name, BigInt(nano));
  shard.closedThrough = kept.closedThrough;
  return shard;
}

/** As a shard: where one object cannot hold them all, the smallest sums lose their names. */
export async function encodeBook(book: Book): Promise<Buffer> {
  for (let keys = MAX_KEYS; ; keys = Math.floor(keys / 2)) {
    const bytes = await gzip(JSON.stringify(book.reduced(keys).written()));
    if (bytes.length <= MAX_BYTES || keys <= 1) return bytes;
  }
}

export const decodeBook = async (bytes: Buffer): Promise<Book> =>
  Book.read(await readJson<WrittenEntry[]>(bytes));

function written(shard: Shard, keys: number): Written {
  return {
    version: VERSION,
    marks: Object.fromEntries(shard.marks),
    days: Object.fromEntries([...shard.days].map(([day, book]) => [day, book.reduced(keys).written()])),
    closedThrough: shard.closedThrough,
    spend: Object.fromEntries([...shard.spend].map(([name, nano]) => [name, nano.toString()])),
  };
}

async function readJson<T>(bytes: Buffer): Promise<T> {
  try {
    const json = await gunzip(bytes, { maxOutputLength: MAX_JSON_BYTES });
    return JSON.parse(json.toString('utf8')) as T;
  } catch (error) {
    throw new LedgerUnreadable(error instanceof Error ? error.message : String(error));
  }
}
