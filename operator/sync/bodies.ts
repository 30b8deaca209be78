/** Snapshot bodies as they go out: compressed once per hash, shared by every client that may fetch it. */
import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import { canonicalJson } from '../../sidecar/snapshot/hash.ts';
import type { Snapshot } from '../../sidecar/snapshot/schema.ts';

const gzip = promisify(gzipCallback);

export class Bodies {
  readonly #compressed = new Map<string, Promise<Buffer>>();

  /** Gzip of the snapshot's JSON, members in canonical order: a sidecar checks the hash of such a body at little cost. */
  compressed(snapshot: Snapshot): Promise<Buffer> {
    let body = this.#compressed.get(snapshot.hash);
    if (!body) {
      body = gzip(canonicalJson(snapshot));
      this.#compressed.set(snapshot.hash, body);
    }
    return body;
  }

  /** Drops what no pod should run any more. */
  retain(hashes: ReadonlySet<string>): void {
    for (const hash of this.#compressed.keys()) if (!hashes.has(hash)) this.#compressed.delete(hash);
  }
}
