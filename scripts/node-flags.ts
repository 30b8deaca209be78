/**
 * Flags that Node is started with, per image. Images, root filesystems and benches take them from here, so that what is measured
 * is what runs.
 *
 * Without a bound the young generation of a busy sidecar grows by some 30 MiB that are never given back; `bench/README.md` has
 * what that buys and costs. Maglev, the middle one of V8's compilers, takes as much again for code that the last one compiles
 * anew; a proxy's hot paths are few, so going without costs no measurable CPU. The operator holds the state of thousands of
 * sidecars: its old generation is bounded by the memory limit of its container, which Node reads itself.
 */
export const NODE_FLAGS = {
  sidecar: ['--max-semi-space-size=2', '--max-old-space-size=128', '--no-maglev'],
  operator: ['--max-semi-space-size=4'],
} as const;
