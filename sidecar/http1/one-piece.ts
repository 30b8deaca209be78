/** Up to this size head and body are one text, copied to the kernel from the stack; beyond it, bytes cost less. */
export const ONE_PIECE = 14 * 1024;
