/** Follows JSON text that arrives in pieces just closely enough to know when its value is complete. Holds none of it. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class JsonProgress {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #begun = false;

  /** The text so far is one whole object or array, as far as brackets and quotes tell. */
  get complete(): boolean {
    return this.#begun && this.#depth <= 0 && !this.#inString;
  }

  add(piece: string): void {
    for (let i = 0; i < piece.length; i++) {
      const c = piece.charCodeAt(i);
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (c === BACKSLASH) this.#escaped = true;
        else if (c === QUOTE) this.#inString = false;
      } else if (c === QUOTE) {
        this.#inString = true;
      } else if (c === 0x7b || c === 0x5b) {
        this.#depth++;
        this.#begun = true;
      } else if (c === 0x7d || c === 0x5d) {
        this.#depth--;
      }
    }
  }
}
