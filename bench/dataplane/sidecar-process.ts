/** The sidecar under measurement: its own bundle, with the flags the image runs it with. */
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../scripts/node-flags.ts';
import { Child } from './child.ts';

export interface SidecarProcess {
  child: Child;
  port: number;
  adminPort: number;
  /** Milliseconds from spawn to the first ready answer. */
  startMs: number;
}

export async function startSidecar(
  flags: string[],
  ports: { port: number; adminPort: number },
  env: NodeJS.ProcessEnv = {},
  program = 'dist/sidecar.js',
): Promise<SidecarProcess> {
  const started = performance.now();
  const child = new Child(
    [
      ...NODE_FLAGS.sidecar,
      program,
      ...flags,
      '--listen',
      `127.0.0.1:${ports.port}`,
      '--admin',
      `127.0.0.1:${ports.adminPort}`,
    ],
    { quiet: true, env: { ...process.env, ...NODE_ENVIRONMENT.sidecar, ...env } },
  );
  const deadline = started + 10_000;
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${ports.adminPort}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return { child, ...ports, startMs: performance.now() - started };
    if (performance.now() > deadline) throw new Error('the sidecar was not ready within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
