/**
 * The operator's own authority and certificate, kept in one Secret that all replicas follow.
 *
 * Whichever replica finds none makes them, and whichever was second takes those of the first. Only the leader rotates. What
 * somebody deletes or damages is put back from memory, so that nobody has to trust anything new; only where no replica
 * remembers is a new authority made.
 */
import type { KubeObject } from '../../crds/common.ts';
import type { Certificate } from '../sync/server.ts';
import { describeError } from '../watch/log.ts';
import { type RunResult, WorkQueue } from '../watch/queue.ts';
import { Reflector, type WatchMeans } from '../watch/reflector.ts';
import { carryOut } from './carry-out.ts';
import { type Certificates, sameCertificate } from './certificates.ts';
import { type Keyring, trustBundle } from './keyring.ts';
import { LatestValue } from './latest.ts';
import {
  DEFAULT_LIFETIMES,
  DEFAULT_WAITS,
  type FleetTrust,
  type Lifetimes,
  nextStep,
  type RotationWaits,
  type Step,
} from './rotation.ts';
import { fromSecretData, toSecretData } from './secret-data.ts';
import { type SecretName, SecretStore, type StoredSecret } from './secret-store.ts';

export interface SelfIssuedSettings {
  secret: SecretName;
  /** What the serving certificate is valid for: the names of the Service. */
  names: readonly [string, ...string[]];
  lifetimes?: Lifetimes;
  waits?: RotationWaits;
}

export interface SelfIssuedOptions extends SelfIssuedSettings, WatchMeans {
  isLeader: () => boolean;
  /** How the sidecars stand to a bundle. */
  fleet: (bundle: string) => FleetTrust;
  /** Whether everyone else who needs a bundle has it; see RotationFacts. */
  published: (bundle: string) => boolean;
  onRun?: (result: RunResult, milliseconds: number) => void;
}

/** What is kept, for metrics. */
export interface KeyringFacts {
  state: Keyring['state'];
  /** Milliseconds since the epoch. */
  servingNotAfter: number;
  authorityNotAfter: number;
}

const BACKOFF = { baseMs: 200, maxMs: 30_000 };
const KEY = 'certificates';
/** A step is followed by another look, and never by a hot loop. */
const AFTER_STEP_MS = 1_000;
const AFTER_RACE_MS = 100;

type Read = { keyring: Keyring } | { problem: string };

export class SelfIssuedCertificates implements Certificates {
  readonly serving = new LatestValue<Certificate>(sameCertificate);
  readonly trustBundle = new LatestValue<string>();
  readonly queue: WorkQueue;
  readonly #options: SelfIssuedOptions;
  readonly #store: SecretStore;
  readonly #watch: Reflector<KubeObject>;
  #keyring: Keyring | undefined;
  #leaderSince: number | undefined;

  constructor(options: SelfIssuedOptions) {
    this.#options = options;
    const { client, clock, random, log, observer, secret, onRun } = options;
    this.#store = new SecretStore(client, secret);
    this.queue = new WorkQueue({
      name: KEY,
      handle: () => this.#reconcile(),
      clock,
      random,
      log,
      concurrency: 1,
      backoff: BACKOFF,
      ...(onRun ? { observe: onRun } : {}),
    });
    // The Secret is read at the moment of deciding; of the watch only the news matter.
    this.#watch = new Reflector({
      client,
      clock,
      random,
      log,
      observer,
      resource: 'tls-secrets',
      apiVersion: 'v1',
      kind: 'Secret',
      path: this.#store.collection,
      fieldSelector: `metadata.name=${secret.name}`,
      project: ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata }),
      onChange: () => this.look(),
    });
  }

  start(): void {
    this.#watch.start();
    this.look();
  }

  /** Something changed that a decision may depend on, such as who leads. */
  look(): void {
    this.queue.add(KEY);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#watch.stop(), this.queue.stop()]);
  }

  facts(): KeyringFacts | undefined {
    if (!this.#keyring) return undefined;
    const { signer, serving, state } = this.#keyring;
    return { state, servingNotAfter: serving.notAfter, authorityNotAfter: signer.notAfter };
  }

  async #reconcile(): Promise<number> {
    const found = await this.#store.read();
    const read = readSecret(found);
    if ('problem' in read) return this.#mend(found, read.problem);
    this.#adopt(read.keyring);
    const step = this.#nextStep(read.keyring);
    if (step.kind === 'None') return step.againInMs;
    this.#say(step);
    return this.#write(found, await this.#carryOut(step, read.keyring));
  }

  /** What somebody removed or damaged. Two replicas may both mend it; the second finds it mended. */
  async #mend(found: StoredSecret | undefined, problem: string): Promise<number> {
    const { clock, log } = this.#options;
    const known = this.#keyring;
    if (known && clock.wall() < known.signer.notAfter) {
      log.warn({ problem }, 'the Secret with the certificates was damaged; it is put back');
      return this.#write(found, known);
    }
    const step = { kind: 'Create', reason: problem } as const;
    this.#say(step);
    return this.#write(found, await this.#carryOut(step, undefined));
  }

  #carryOut(step: Exclude<Step, { kind: 'None' }>, keyring: Keyring | undefined): Promise<Keyring> {
    const { clock, names, lifetimes = DEFAULT_LIFETIMES } = this.#options;
    return carryOut(step, keyring, { now: clock.wall(), names, lifetimes });
  }

  async #write(found: StoredSecret | undefined, keyring: Keyring): Promise<number> {
    if (!(await this.#store.write(found, toSecretData(keyring)))) return AFTER_RACE_MS;
    this.#adopt(keyring);
    return AFTER_STEP_MS;
  }

  /** Nothing is served or published that is not stored: another replica must be able to go on from it. */
  #adopt(keyring: Keyring): void {
    this.#keyring = keyring;
    this.trustBundle.set(trustBundle(keyring));
    this.serving.set({ cert: keyring.serving.cert, key: keyring.serving.key });
  }

  #nextStep(keyring: Keyring): Step {
    const { clock, fleet, isLeader, names, published, lifetimes, waits } = this.#options;
    const bundle = trustBundle(keyring);
    const now = clock.monotonic();
    this.#leaderSince = isLeader() ? (this.#leaderSince ?? now) : undefined;
    return nextStep(keyring, {
      now: clock.wall(),
      isLeader: this.#leaderSince !== undefined,
      leaderForMs: now - (this.#leaderSince ?? now),
      names,
      fleet: fleet(bundle),
      published: published(bundle),
      lifetimes: lifetimes ?? DEFAULT_LIFETIMES,
      waits: waits ?? DEFAULT_WAITS,
    });
  }

  #say(step: Exclude<Step, { kind: 'None' }>): void {
    const { log } = this.#options;
    switch (step.kind) {
      case 'Create':
        return log.info({ reason: step.reason }, 'a new certificate authority is made');
      case 'IssueServing':
        return log.info({ reason: step.reason }, 'a new serving certificate is issued');
      case 'Introduce':
        return log.info(
          {},
          'the next certificate authority is introduced; it signs once all sidecars trust it',
        );
      case 'Promote':
        if (!step.unready) return log.info({}, 'the new certificate authority signs from now on');
        return log.error(
          {},
          'the new certificate authority signs though some do not trust it: the old one ends',
        );
      case 'Retire':
        return log.info({}, 'the old certificate authority is trusted no more');
    }
  }
}

function readSecret(found: StoredSecret | undefined): Read {
  if (!found) return { problem: 'there is none' };
  try {
    return { keyring: fromSecretData(found.data ?? {}) };
  } catch (error) {
    return { problem: describeError(error) };
  }
}
