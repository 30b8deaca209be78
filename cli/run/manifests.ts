/** Manifests on disk, compiled for the one sidecar beside them: files -> source -> compile -> snapshot. */
import { compile } from '../../operator/compile/compile.ts';
import { fieldOf } from '../../operator/compile/problems.ts';
import type { Verdict, Workload } from '../../operator/compile/types.ts';
import { Minter } from '../../operator/credentials/minter.ts';
import { outboundMint } from '../../operator/credentials/outbound.ts';
import { remarks } from '../../operator/status/remarks.ts';
import { FileSource } from '../../operator/watch/file-source.ts';
import { silentLog } from '../../operator/watch/log.ts';
import { systemClock } from '../../sidecar/snapshot/clock.ts';
import { InProcessSource } from '../../sidecar/snapshot/source.ts';

export interface ManifestsOptions {
  paths: readonly string[];
  /** Namespace of objects that name none, and of the sidecar; unset: the one all routes are in, else `default`. */
  namespace: string | undefined;
  /** Labels of the sidecar's pod, for routes that select by them. */
  labels: Readonly<Record<string, string>>;
  /** Where the values of credentials are looked up that no file holds. */
  /** Namespaces with the rights of the platform; none where unset. */
  platformNamespaces?: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Called after every reading, with what was published and what is wrong, one sentence each. */
  onCompiled: (result: CompiledManifests) => void;
}

export interface CompiledManifests {
  namespace: string;
  /** Patterns of models the sidecar serves now. */
  models: string[];
  /** `file:line: ...` */
  problems: string[];
}

const DEFAULT_NAMESPACE = 'default';

export class Manifests {
  /** Feeds the sidecar. */
  readonly source = new InProcessSource();
  readonly #options: ManifestsOptions;
  readonly #files: FileSource;
  readonly #minter: Minter;

  constructor(options: ManifestsOptions) {
    this.#options = options;
    this.#files = new FileSource({
      paths: options.paths,
      clock: systemClock,
      log: silentLog,
      env: options.env,
      defaultNamespace: options.namespace ?? DEFAULT_NAMESPACE,
    });
    this.#files.onReload(() => this.#publish());
    this.#minter = new Minter({
      mint: outboundMint({ clock: systemClock }),
      clock: systemClock,
      random: Math.random,
      log: silentLog,
      changed: () => this.#publish(),
    });
  }

  /** Reads, publishes, and goes on doing so at every change. The sidecar must have started `source`. */
  async start(): Promise<void> {
    await this.#files.start();
  }

  stop(): Promise<void> {
    this.#minter.stop();
    return this.#files.stop();
  }

  #publish(): void {
    const resources = this.#files.resources();
    const workload = this.#workload();
    const compiled = compile(
      { ...resources, pods: [workload] },
      {
        platformNamespaces: this.#options.platformNamespaces ?? [],
        now: Date.now(),
        tokens: this.#minter.tokens(),
      },
    );
    this.#minter.update(compiled.mints);
    const snapshot = compiled.snapshotFor(workload);
    const acknowledged = this.source.publish(snapshot, compiled.credentialsFor(workload));
    const told = this.#files.problems();
    const problems = told.map(({ file, line, subject, message }) =>
      located({ file, line }, subject === '' ? message : `${subject}: ${message}`),
    );
    // What a file is blamed for with its line is not told again as a verdict.
    const blamed = (verdict: Verdict) =>
      told.some(({ subject }) =>
        `${subject} `.startsWith(`${verdict.kind} ${verdict.namespace}/${verdict.name} `),
      );
    const news = compiled.verdicts.filter((verdict) => isAccepted(verdict) || !blamed(verdict));
    for (const { kind, namespace, name, message } of remarks(news, acknowledged)) {
      const place = this.#files.place(kind, namespace, name, fieldOf(message));
      problems.push(located(place, `${kind} ${namespace}/${name}: ${message}`));
    }
    const refused = new Set(
      acknowledged.exceptions.filter(({ state }) => state === 'Rejected').map(({ id }) => id),
    );
    const models = snapshot.items.flatMap((item) =>
      item.kind === 'Route' && !refused.has(item.id) ? item.models : [],
    );
    this.#options.onCompiled({ namespace: workload.namespace, models, problems });
  }

  #workload(): Workload {
    const namespaces = new Set(
      this.#files.resources().routes.map((route) => route.metadata.namespace ?? DEFAULT_NAMESPACE),
    );
    const [only] = namespaces.size === 1 ? namespaces : [];
    const namespace = this.#options.namespace ?? only ?? DEFAULT_NAMESPACE;
    return { namespace, name: 'sidecar', uid: 'sidecar', labels: this.#options.labels };
  }
}

function located(place: { file: string; line: number } | undefined, text: string): string {
  if (place === undefined || place.file === '') return text;
  return `${place.file}${place.line > 0 ? `:${place.line}` : ''}: ${text}`;
}

const isAccepted = ({ conditions }: Verdict): boolean =>
  conditions.some(({ type, status }) => type === 'Accepted' && status === 'True');
