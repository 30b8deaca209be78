/**
 * Flags that Node is started with, per image. Images, root filesystems and benches take them from here, so that what is measured
 * is what runs.
 *
 * Without a bound the young generation of a busy sidecar grows by some 30 MiB that are never given back; `bench/README.md` has
 * what that buys and costs. Maglev, the middle one of V8's compilers, takes as much again for code that the last one compiles
 * anew; a proxy's hot paths are few, so going without costs no measurable CPU. Two megabytes are not worth
 * waking other threads for at every scavenge: pairs within one run took 0 to 10 % less CPU per request, never more. The operator holds the state of thousands of
 * sidecars: its old generation is bounded by the memory limit of its container, which Node reads itself. It is at rest for most of
 * its life, so a small young generation costs it little. `--expose-gc` lets a sidecar collect once after its start
 * (`cli/give-back.ts`).
 */
export const NODE_FLAGS = {
  sidecar: [
    '--max-semi-space-size=2',
    '--max-old-space-size=128',
    '--no-maglev',
    '--no-parallel-scavenge',
    '--expose-gc',
  ],
  operator: ['--max-semi-space-size=2'],
} as const;

/**
 * Variables that belong to the flags. With an arena of malloc for each thread, what threads free stays where it is: one for all
 * is 6 to 17 MiB less in a busy sidecar, and pairs within one run show no CPU for it beyond their noise. The two thresholds keep malloc
 * from raising them by itself: what starting up or a large list took for a moment goes back at once, 14 MiB after the start.
 */
export const NODE_ENVIRONMENT: Readonly<Record<keyof typeof NODE_FLAGS, Readonly<Record<string, string>>>> = {
  sidecar: { MALLOC_ARENA_MAX: '1' },
  operator: { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '131072' },
};
