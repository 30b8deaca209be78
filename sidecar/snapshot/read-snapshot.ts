/** What must hold of a snapshot as a whole before any of its items is looked at. */
import { snapshotHash } from './hash.ts';
import { PREVIOUS, type Previous } from './previous.ts';
import { SNAPSHOT_VERSION, type Snapshot, type SnapshotItem } from './schema.ts';

/** More items than any namespace plausibly holds; a bound on work, not a promise of speed. */
const MAX_ITEMS = 20_000;

/** The snapshot cannot be used at all; what runs is untouched. */
export class SnapshotRefused extends Error {
  readonly kind: 'Malformed' | 'Version' | 'Hash';

  constructor(kind: 'Malformed' | 'Version' | 'Hash', reason: string) {
    super(reason);
    this.name = 'SnapshotRefused';
    this.kind = kind;
  }
}

/** Checks shape, version and hash of a value that came off the wire or a disk. Items are judged one by one later. */
export function readSnapshot(value: unknown, previous: Previous | undefined = PREVIOUS): Snapshot {
  if (typeof value !== 'object' || value === null) throw malformed('it is not an object');
  const { version, hash, items } = value as { version?: unknown; hash?: unknown; items?: unknown };
  const versions = previous ? [SNAPSHOT_VERSION, SNAPSHOT_VERSION - 1] : [SNAPSHOT_VERSION];
  if (!versions.includes(version as number)) {
    const named = typeof version === 'number' ? version : typeof version;
    const reason = `its version is ${named}; this sidecar runs ${versions.join(' and ')}`;
    throw new SnapshotRefused('Version', reason);
  }
  if (typeof hash !== 'string' || !Array.isArray(items)) throw malformed('hash or items are missing');
  if (items.length > MAX_ITEMS) throw malformed(`it has ${items.length} items, more than ${MAX_ITEMS}`);
  const ids = new Set<unknown>();
  for (const item of items as unknown[]) {
    const id = (item as { id?: unknown } | null)?.id;
    if (ids.has(id)) throw malformed('two items have one id');
    ids.add(id);
  }
  const computed = snapshotHash(items as SnapshotItem[]);
  if (computed !== hash) {
    throw new SnapshotRefused('Hash', `its hash is ${hash.slice(0, 64)} but its items have ${computed}`);
  }
  return value as Snapshot;
}

function malformed(reason: string): SnapshotRefused {
  return new SnapshotRefused('Malformed', reason);
}
