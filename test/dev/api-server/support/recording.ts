/** Transcripts of a live run: RECORD_TRANSCRIPTS=1 writes them, one file for each part of the suite. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CustomResourceDefinition } from '../../../../crds/definitions.ts';
import type { Client, Exchange } from './client.ts';
import { contextFor, createNamespace, type Scenario } from './scenario.ts';
import { Namer, normalise, type Transcript } from './transcript.ts';

export const TRANSCRIPTS = path.join(import.meta.dirname, '..', 'transcripts');
const ESTABLISH_TIMEOUT_MS = 20_000;

export class Recording {
  readonly #parts = new Map<string, Transcript[]>();
  #server: string | undefined;

  /** Creates the CRDs and waits until their kinds are served. */
  static async installCrds(client: Client, crds: readonly CustomResourceDefinition[]): Promise<void> {
    for (const crd of crds) {
      await client.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
      const { group, names, versions } = crd.spec;
      const deadline = performance.now() + ESTABLISH_TIMEOUT_MS;
      while ((await client.get(`/apis/${group}/${versions[0]?.name}/${names.plural}`)).status !== 200) {
        if (performance.now() > deadline) throw new Error(`${crd.metadata.name} is not served`);
        await delay(50);
      }
    }
    client.close();
  }

  /** Runs a scenario in a namespace of its own and keeps what was said. */
  async of(client: Client, part: string, scenario: Scenario): Promise<void> {
    const context = contextFor(client, scenario.name);
    await createNamespace(client, context.namespace);
    this.#server ??= `kube-apiserver ${(await client.get('/version')).body.gitVersion as string}`;
    const exchanges: Exchange[] = [];
    const namer = new Namer();
    client.recorder = (exchange) => {
      exchanges.push(normalise(structuredClone(exchange), namer));
    };
    try {
      await scenario.run(context);
    } finally {
      client.recorder = undefined;
    }
    if (scenario.untranscribed || exchanges.length === 0) return;
    const recorded = { server: this.#server, date: new Date().toISOString().slice(0, 10) };
    const known = this.#parts.get(part) ?? [];
    this.#parts.set(part, [...known, { recorded, scenario: scenario.name, exchanges }]);
  }

  async write(): Promise<void> {
    if (process.env.RECORD_TRANSCRIPTS !== '1') return;
    for (const [part, transcripts] of this.#parts) {
      await writeFile(
        path.join(TRANSCRIPTS, `${part}.json`),
        `${JSON.stringify(transcripts, undefined, 1)}\n`,
      );
    }
  }
}
