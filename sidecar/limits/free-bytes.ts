/**
 * Gives the memory of a large Buffer back now. A body that lived through two collections of young objects otherwise stays
 * until a full one, and those are rare: what the budget calls free would still be resident, several times over.
 */

/** Smaller ones are not worth the call. */
const WORTH_IT = 16 * 1024;

/**
 * Only for a Buffer that nothing reads or writes any more: every view of it becomes empty, and a write under way in the
 * kernel's hands would read freed memory. Buffers that share their memory with others are left alone.
 */
export function freeBytes(bytes: Buffer): void {
  const { buffer } = bytes;
  if (bytes.length < WORTH_IT || bytes.length !== buffer.byteLength || !(buffer instanceof ArrayBuffer))
    return;
  buffer.transfer(0);
}
