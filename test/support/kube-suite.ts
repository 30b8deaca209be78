/** Suites that need a real kube-apiserver: run where its binaries are, told by a skipped test where they are not. */
// This builds suites: their titles and whether they run are its arguments.
/* oxlint-disable vitest/no-conditional-tests, vitest/valid-title, vitest/expect-expect */
import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  type KubeApiServer,
  type KubeApiServerOptions,
  kubeBinaries,
  NO_KUBE_APISERVER,
  startKubeApiServer,
} from './kube-apiserver.ts';

/**
 * A suite with a server of its own. `prepare` runs once before its tests; inside tests `server()` is the running server.
 */
export function describeOnKube(
  name: string,
  prepare: (server: KubeApiServer) => Promise<void>,
  body: (server: () => KubeApiServer) => void,
  options: KubeApiServerOptions = {},
): void {
  if (!kubeBinaries()) {
    describe(name, () => {
      test(NO_KUBE_APISERVER, (context) => context.skip(NO_KUBE_APISERVER));
    });
    return;
  }
  describe(name, () => {
    let running: KubeApiServer | undefined;
    beforeAll(async () => {
      running = await startKubeApiServer(options);
      if (running) await prepare(running);
    });
    afterAll(() => running?.stop());
    body(() => running as KubeApiServer);
  });
}
