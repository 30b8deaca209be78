/** Where the ledger is kept. Every write names the version it replaces, so of two writers one is refused. */

export interface Stored {
  readonly bytes: Buffer;
  /** Opaque; changes with every write. */
  readonly version: string;
}

export interface LedgerStore {
  /** Undefined where there is none. */
  read(name: string): Promise<Stored | undefined>;
  /**
   * Replaces `version`, or creates where that is undefined. Undefined: somebody else was first, and nothing was written.
   * It throws where nobody knows whether it was written.
   */
  write(name: string, bytes: Buffer, version: string | undefined): Promise<string | undefined>;
  remove(name: string): Promise<void>;
  names(): Promise<string[]>;
}
