/** What an item of the version before SNAPSHOT_VERSION is in this one. */
import type { SnapshotItem } from './schema.ts';

export type Previous = (item: unknown) => SnapshotItem;

/**
 * PURE, and never throws: what comes off the wire may be anything. Unset: there is no previous version. A test holds that
 * there is one as soon as SNAPSHOT_VERSION is greater than 1.
 */
export const PREVIOUS: Previous | undefined = undefined;
