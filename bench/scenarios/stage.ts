/** The processes of one scenario, each started once and ended with it. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { anyPort } from '../../dev/laptop/ports.ts';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../scripts/node-flags.ts';
import { bundled } from '../bundled.ts';
import { Child } from '../dataplane/child.ts';
import { startSidecar } from '../dataplane/sidecar-process.ts';
import { drive } from './load.ts';
import type { ProviderCounts } from './provider-script.ts';
import type { Stage } from './scenario.ts';

export interface OwnStage extends Stage {
  close(): Promise<void>;
}

export function openStage(): OwnStage {
  const children: Child[] = [];
  let program: Promise<string> | undefined;
  let following: Promise<string> | undefined;
  return {
    async providers(scripts) {
      const child = new Child(['bench/scenarios/provider-process.ts', JSON.stringify(scripts)]);
      children.push(child);
      const ports = await child.next<Record<string, number>>();
      return {
        urls: Object.fromEntries(
          Object.entries(ports).map(([name, port]) => [name, `http://127.0.0.1:${port}/v1`]),
        ),
        async set(name, script) {
          await child.ask({ name, script });
        },
        counts: () => child.ask<Record<string, ProviderCounts>>({ counts: true }),
      };
    },
    async sidecar(items) {
      program ??= bundled('bench/scenarios/sidecar-process.ts');
      const child = new Child([...NODE_FLAGS.sidecar, await program], {
        env: { ...process.env, ...NODE_ENVIRONMENT.sidecar },
      });
      children.push(child);
      const { port, adminPort } = await child.ask<{ port: number; adminPort: number }>(items);
      return { port, adminPort, drive: (load) => drive({ ...load, port }) };
    },
    async follower(controlPlane, pod) {
      following ??= bundled('cli/bundles/sidecar.ts');
      const flags = await controlPlane.join(pod);
      const ports = { port: await anyPort(), adminPort: await anyPort() };
      const { child } = await startSidecar(flags, ports, {}, await following);
      children.push(child);
      return { ...ports, drive: (load) => drive({ ...load, port: ports.port }) };
    },
    note: (text) => void process.stderr.write(`${text}\n`),
    async close() {
      for (const child of children.reverse()) await child.stop();
      for (const made of [program, following])
        if (made) await rm(path.dirname(await made), { recursive: true });
    },
  };
}
