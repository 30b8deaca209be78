import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Workers and the processes that tests start compile the same sources: once is enough.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

/** What runs other processes, or measures or changes its own: each file in one of its own. */
const APART = [
  'test/{cli,images,scripts}/**/*.test.ts',
  'test/**/*{kube,kills}*.test.ts',
  'test/sidecar/pipeline.test.ts',
  'test/sidecar/telemetry/cardinality.test.ts',
];
const NEVER = ['test/e2e/**', 'node_modules/**', 'dist/**'];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // Against hangs: what is slow on a busy machine is not wrong.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 40_000 } },
    projects: [
      {
        extends: true,
        test: { name: 'apart', include: APART, exclude: NEVER },
      },
      {
        // Importing the same stages anew for each file would cost more than all that the tests do.
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: [...NEVER, ...APART],
          isolate: false,
        },
      },
    ],
  },
});
