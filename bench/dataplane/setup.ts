/** Everything a data plane measurement needs, started once and stopped together. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { anyPort } from '../../dev/laptop/ports.ts';
import { createAuthority, issueServing } from '../../operator/certificates/authority.ts';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../scripts/node-flags.ts';
import { Child } from './child.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Job, JobResult } from './load.ts';
import { type SidecarProcess, startSidecar } from './sidecar-process.ts';

const DAY_MS = 86_400_000;

export interface Setup {
  /** Ports of the upstream itself, of the peer before it, and of the sidecar; by transport of the upstream. */
  direct: number;
  peer: { plain: Child; tls: Child };
  peerPorts: { plain: number; tls: number };
  sidecar: SidecarProcess;
  controlPlane: ControlPlane;
  load(job: Job): Promise<JobResult>;
  startAnotherSidecar(env?: NodeJS.ProcessEnv): Promise<SidecarProcess>;
  stop(): Promise<void>;
}

/** Tracing to this collector, one request in twenty. */
export const tracing = (port: number): NodeJS.ProcessEnv => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: '0.05',
});

export async function setUp(): Promise<Setup> {
  const validity = { now: Date.now(), lifetimeMs: DAY_MS };
  const authority = await createAuthority('outrider bench upstream', validity);
  const serving = await issueServing(authority, ['127.0.0.1'], validity);
  const directory = mkdtempSync(path.join(tmpdir(), 'outrider-bench-tls-'));
  const keyFile = path.join(directory, 'key.pem');
  const certFile = path.join(directory, 'cert.pem');
  writeFileSync(keyFile, serving.key, { mode: 0o600 });
  writeFileSync(certFile, serving.cert);

  const upstream = new Child(['bench/dataplane/upstream.ts', keyFile, certFile]);
  const { port: direct, tlsPort } = await upstream.next<{ port: number; tlsPort: number }>();
  // The peer runs as the sidecar does: same Node, same flags, same variables.
  const peerBefore = (target: string): Child =>
    new Child([...NODE_FLAGS.sidecar, 'bench/dataplane/baseline.ts', target], {
      env: { ...process.env, ...NODE_ENVIRONMENT.sidecar },
    });
  const plain = peerBefore(`http://127.0.0.1:${direct}`);
  const tls = peerBefore(`https://127.0.0.1:${tlsPort}`);
  const peerPorts = {
    plain: (await plain.next<{ port: number }>()).port,
    tls: (await tls.next<{ port: number }>()).port,
  };
  const controlPlane = await startControlPlane({
    plain: { url: `http://127.0.0.1:${direct}/v1` },
    tls: { url: `https://127.0.0.1:${tlsPort}/v1`, ca: authority.cert },
  });
  const start = async (env: NodeJS.ProcessEnv = {}): Promise<SidecarProcess> =>
    startSidecar(controlPlane.sidecarFlags, { port: await anyPort(), adminPort: await anyPort() }, env);
  const sidecar = await start(tracing(direct));
  const load = new Child(['bench/dataplane/load.ts']);
  const others: SidecarProcess[] = [];
  return {
    direct,
    peer: { plain, tls },
    peerPorts,
    sidecar,
    controlPlane,
    load: (job) => load.ask<JobResult>(job),
    async startAnotherSidecar(env) {
      const another = await start(env);
      others.push(another);
      return another;
    },
    async stop() {
      for (const { child } of [sidecar, ...others]) await child.stop();
      for (const child of [load, plain, tls, upstream]) await child.stop();
      await controlPlane.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
