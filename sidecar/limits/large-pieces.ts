/**
 * Pieces of large answers live in malloc, and only until they are handed on. V8 hears of 32 MiB of them before it looks for those
 * that nobody needs any more, and of some that it looked at too early it thinks until the next thorough collection. Looking more
 * often takes a millisecond for each 8 MiB, and 50 to 70 MiB less where answers are endless.
 */

/** Smaller ones come with so many other young objects that these are collected in time. */
const LARGE = 16 * 1024;
const EVERY = 8 * 1024 * 1024;

let arrived = 0;

/** To be told of each piece; does nothing where Node was started without `--expose-gc`. */
export function pieceArrived(bytes: number): void {
  if (bytes < LARGE) return;
  arrived += bytes;
  if (arrived < EVERY) return;
  arrived = 0;
  globalThis.gc?.({ type: 'minor', execution: 'sync' });
}
