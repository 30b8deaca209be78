/** Authorization values by credential, made once per value. Nothing here is printed, logged or serialised. */

/** The keys, read at the moment of sending. `snapshot/credentials.ts` holds the real ones. */
export interface CredentialSource {
  get(id: string): string | undefined;
  has(id: string): boolean;
  /** The value before the last rotation, while it may still be needed. */
  previous(id: string): string | undefined;
}

interface Made {
  readonly value: string;
  readonly prefix: string;
  readonly header: string;
}

export class KeyRing {
  readonly #source: CredentialSource;
  readonly #made = new Map<string, Made>();

  constructor(source: CredentialSource) {
    this.#source = source;
  }

  value(id: string): string | undefined {
    return this.#source.get(id);
  }

  /** The value to try when `refused` was not accepted: keys rotate while requests are under way. */
  alternative(id: string, refused: string): string | undefined {
    const current = this.#source.get(id);
    if (current !== undefined && current !== refused) return current;
    const previous = this.#source.previous(id);
    return previous === refused ? undefined : previous;
  }

  header(id: string, value: string, prefix: string): string {
    const made = this.#made.get(id);
    if (made && made.value === value && made.prefix === prefix) return made.header;
    const header = prefix + value;
    this.#made.set(id, { value, prefix, header });
    return header;
  }

  /** Forgets what is not among `ids`. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#made.keys()) if (!ids.has(id)) this.#made.delete(id);
  }
}
