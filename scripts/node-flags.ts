/**
 * Flags that Node is started with, per image. Images, root filesystems and benches take them from here, so that what is measured
 * is what runs.
 *
 * Without a bound the young generation of a busy sidecar grows by some 30 MiB that are never given back; `bench/README.md` has
 * what that buys and costs. Maglev, the middle one of V8's compilers, takes as much again for code that the last one compiles
 * anew; a proxy's hot paths are few, so going without costs no measurable CPU. Two megabytes are not worth
 * waking other threads for at every scavenge: pairs within one run took 0 to 10 % less CPU per request, never more.
 *
 * The operator holds the state of thousands of sidecars: its old generation is bounded by the memory limit of its container, which Node
 * reads itself. It is at rest for most of its life, so a small young generation costs it little, and so does going without the first
 * of the compilers. While hundreds of routes are compiled its heap would grow to three times of what is in use; now it grows by two fifths.
 *
 * `--expose-gc` lets both collect when they are started, and the operator whenever it has grown and is at rest (`cli/give-back.ts`,
 * `cli/operator/give-back.ts`).
 */
export const NODE_FLAGS = {
  sidecar: [
    '--max-semi-space-size=2',
    '--max-old-space-size=128',
    '--no-maglev',
    '--no-parallel-scavenge',
    '--expose-gc',
  ],
  operator: [
    '--max-semi-space-size=1',
    '--no-maglev',
    '--no-sparkplug',
    '--heap-growing-percent=40',
    '--expose-gc',
  ],
} as const;

/**
 * Variables that belong to the flags. With an arena of malloc for each thread, what threads free stays where it is: one for all
 * is 6 to 17 MiB less in a busy sidecar, and pairs within one run show no CPU for it beyond their noise. The two thresholds keep malloc
 * from raising them by itself: what starting up or a large list took for a moment goes back at once, 14 MiB after the start of an
 * operator. A sidecar has those that malloc begins with: one to two MiB less under load, where large reports and batches of spans come and go.
 *
 * Each TLS connection has a buffer of 64 KiB for what arrives, of which it writes the first few, some of 16 KiB, and a parser of 10 KiB. With a threshold
 * of 8 KiB they are pages of their own, which take memory where they are written and give it back at once; else they are cut from memory that was in use
 * before, which takes it whole. For that the heap must also have no reserve at its end (`TOP_PAD`) that they could be cut from.
 * 500 sidecars are 28 MiB instead of 65.
 */
export const NODE_ENVIRONMENT: Readonly<Record<keyof typeof NODE_FLAGS, Readonly<Record<string, string>>>> = {
  sidecar: {
    MALLOC_ARENA_MAX: '1',
    MALLOC_TRIM_THRESHOLD_: '131072',
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TOP_PAD_: '65536',
  },
  operator: {
    MALLOC_ARENA_MAX: '1',
    MALLOC_TRIM_THRESHOLD_: '16384',
    MALLOC_MMAP_THRESHOLD_: '8192',
    MALLOC_TOP_PAD_: '0',
  },
};
