/**
 * What is stored as the status of an object. The copy that the watch keeps runs behind our own writes for a moment; deciding
 * from it would write the same again, with a later transition time.
 */
import type { KubeObject } from '../../crds/common.ts';
import type { Clock } from '../../sidecar/snapshot/clock.ts';

interface Write {
  uid: string | undefined;
  /** Version of the copy the status was decided from. */
  basedOn: string | undefined;
  /** Version that the write made. */
  resourceVersion: string;
  /** Undefined once the watch has a copy of it: two copies of thousands of statuses are megabytes. */
  status: object | undefined;
  at: number;
}

export class StoredStatuses {
  readonly #clock: Clock;
  readonly #writes = new Map<string, Write>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The newest status known, and the version of the object that carries it. */
  current(key: string, object: KubeObject): { status: unknown; resourceVersion: string | undefined } {
    const write = this.#writes.get(key);
    const { uid, resourceVersion } = object.metadata;
    if (write?.status && write.uid === uid) {
      const { status } = write;
      if (!caughtUp(resourceVersion, write)) return { status, resourceVersion: write.resourceVersion };
      write.status = undefined;
    }
    return { status: object.status, resourceVersion };
  }

  wrote(key: string, object: KubeObject, status: object, resourceVersion: string): void {
    const { uid, resourceVersion: basedOn } = object.metadata;
    this.#writes.set(key, { uid, basedOn, resourceVersion, status, at: this.#clock.monotonic() });
  }

  writtenMsAgo(key: string): number | undefined {
    const write = this.#writes.get(key);
    return write && this.#clock.monotonic() - write.at;
  }

  forget(key: string): void {
    this.#writes.delete(key);
  }
}

function caughtUp(seen: string | undefined, { basedOn, resourceVersion }: Write): boolean {
  if (seen === resourceVersion) return true;
  if (seen === basedOn) return false;
  // Between the two there may be someone else's write. Versions that are numbers are ordered.
  const [a, b] = [seen, resourceVersion];
  if (a === undefined || !/^\d+$/.test(a) || !/^\d+$/.test(b)) return true;
  return BigInt(a) >= BigInt(b);
}
