/**
 * Text that comes in pieces and is needed whole. Adding to a string would do but for the memory: each piece, be it one
 * character, would live on as two objects. Here a piece costs little more than its characters.
 */

/** Pieces that are joined at once. */
const JOINED = 256;

export class GatheredText {
  length = 0;
  #joined = '';
  #pieces: string[] = [];

  add(piece: string): void {
    this.length += piece.length;
    this.#pieces.push(piece);
    if (this.#pieces.length < JOINED) return;
    this.#joined += this.#pieces.join('');
    this.#pieces = [];
  }

  /** All of it; it stays. */
  get text(): string {
    if (this.#pieces.length > 0) {
      this.#joined += this.#pieces.join('');
      this.#pieces = [];
    }
    return this.#joined;
  }

  clear(): void {
    this.length = 0;
    this.#joined = '';
    this.#pieces = [];
  }
}
