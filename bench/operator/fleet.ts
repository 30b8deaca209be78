/** Pods and their sidecars: real snapshot clients in processes of their own. */
import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ControlPlane, Pod } from './control-plane.ts';
import { each, type Size, teamOf } from './world.ts';

export interface FleetSetup {
  /** Where sidecars connect. */
  port: number;
  caFile: string;
  tokenFiles: string[];
}

export interface FleetFacts {
  connected: number;
  configured: number;
  /** Items that do not run as sent. */
  exceptions: number;
}

export type FleetTold = { type: 'started' } | ({ type: 'facts' } & FleetFacts);

const PER_PROCESS = 125;

export class Fleet {
  readonly pods: readonly Pod[];
  readonly #children: ChildProcess[] = [];

  private constructor(pods: readonly Pod[]) {
    this.pods = pods;
  }

  static async create(plane: ControlPlane, count: number, size: Size): Promise<Fleet> {
    const pods: Pod[] = [];
    await each(count, async (n) => {
      pods.push(await plane.cluster.pod(teamOf(n, size), `pod-${n}`));
    });
    return new Fleet(pods);
  }

  /** Resolves once every sidecar has its configuration. */
  async start(plane: ControlPlane, port: number): Promise<void> {
    const caFile = path.join(plane.directory, 'ca.pem');
    writeFileSync(caFile, await plane.authority());
    const tokenFiles: string[] = [];
    for (const pod of this.pods) {
      const file = path.join(plane.directory, pod.uid);
      writeFileSync(file, await plane.token(pod));
      tokenFiles.push(file);
    }
    for (let at = 0; at < tokenFiles.length; at += PER_PROCESS) {
      const child = fork(new URL('fleet-process.ts', import.meta.url), { execArgv: [] });
      this.#children.push(child);
      child.send({ port, caFile, tokenFiles: tokenFiles.slice(at, at + PER_PROCESS) } satisfies FleetSetup);
      await told<FleetTold, 'started'>(child, 'started');
    }
  }

  async facts(): Promise<FleetFacts> {
    const sum = { connected: 0, configured: 0, exceptions: 0 };
    for (const child of this.#children) {
      child.send('facts');
      const { connected, configured, exceptions } = await told<FleetTold, 'facts'>(child, 'facts');
      sum.connected += connected;
      sum.configured += configured;
      sum.exceptions += exceptions;
    }
    return sum;
  }

  stop(): void {
    for (const child of this.#children) if (child.connected) child.disconnect();
  }
}

/** The next message of that type. */
export function told<Told extends { type: string }, Type extends Told['type']>(
  child: ChildProcess,
  type: Type,
): Promise<Extract<Told, { type: Type }>> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`a process of the bench ended before "${type}"`));
    child.once('exit', ended);
    child.on('message', function listen(message: Told) {
      if (message.type !== type) return;
      child.off('message', listen);
      child.off('exit', ended);
      resolve(message as Extract<Told, { type: Type }>);
    });
  });
}
