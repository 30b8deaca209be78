/** Snapshot bodies as they go out: compressed once per hash, shared by every client that may fetch it. */
import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import { canonicalJson } from '../../sidecar/snapshot/hash.ts';
import type { Snapshot } from '../../sidecar/snapshot/schema.ts';

const gzip = promisify(gzipCallback);

/** At a time: a compressor takes a quarter of a megabyte, and one change may bring hundreds of snapshots. */
const COMPRESSORS = 2;

export class Bodies {
  readonly #compressed = new Map<string, Promise<Buffer>>();
  readonly #turns: Promise<unknown>[] = [];
  #next = 0;

  /** Gzip of the snapshot's JSON, members in canonical order: a sidecar checks the hash of such a body at little cost. */
  compressed(snapshot: Snapshot): Promise<Buffer> {
    let body = this.#compressed.get(snapshot.hash);
    if (!body) {
      const turn = this.#turns[this.#next] ?? Promise.resolve();
      body = turn.then(() => gzip(canonicalJson(snapshot))).then(alone);
      // A failure is told to those who wait for this body, not to those who come after it.
      this.#turns[this.#next] = body.catch(() => {});
      this.#next = (this.#next + 1) % COMPRESSORS;
      this.#compressed.set(snapshot.hash, body);
    }
    return body;
  }

  /** Drops what no pod should run any more. */
  retain(hashes: ReadonlySet<string>): void {
    for (const hash of this.#compressed.keys()) if (!hashes.has(hash)) this.#compressed.delete(hash);
  }
}

/** What the compressor hands out is a piece of something larger that others have pieces of, and keeps all of it. */
function alone(piece: Buffer): Buffer {
  const whole = Buffer.allocUnsafeSlow(piece.length);
  piece.copy(whole);
  return whole;
}
