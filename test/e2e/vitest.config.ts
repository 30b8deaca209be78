import { defineConfig } from 'vitest/config';

/** `npm run test:e2e`: against the cluster that the kubeconfig points at, one file after another, each with an installation of its own. */
export default defineConfig({
  test: {
    include: ['test/e2e/*.test.ts'],
    globalSetup: 'test/e2e/support/prepare.ts',
    reporters: ['verbose'],
    fileParallelism: false,
    pool: 'forks',
    testTimeout: 180_000,
    hookTimeout: 240_000,
    disableConsoleIntercept: true,
  },
});
