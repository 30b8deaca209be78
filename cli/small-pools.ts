/**
 * Node cuts small buffers from pools of 64 KiB, and one that is left keeps the whole pool. With 64 requests under way some always is when
 * memory is collected, until the pool counts as old and stays for long: 8 MiB in a sidecar under full load; in an operator the ticket of
 * a TLS session is enough. What is larger than half of a pool is memory of its own, and goes when it is done with.
 */
const POOL_BYTES = 1024;

export function useSmallPools(): void {
  Buffer.poolSize = POOL_BYTES;
}
