/**
 * Batches and deferred requests of a sidecar, loaded when configuration allows some. Until then nothing is opened or kept, and
 * what a request pays for them is one comparison.
 */
import { OutriderError } from '../../errors/table.ts';
import type { RoutingTable } from '../routing/table.ts';
import type { HttpExchange } from '../server/http-exchange.ts';
import type { RequestHead } from '../server/request-head.ts';
import type { Timer } from '../snapshot/clock.ts';
import { type AsyncTerms, asyncTerms } from './async-terms.ts';
import type { Medium } from './media/medium.ts';
import { openPlace, placeName, type SpoolPlace } from './media/place.ts';
import type { LaterSeam } from './seam.ts';
import type { LaterService, ServiceParts } from './service.ts';

export interface RunningLaterOptions extends Omit<ServiceParts, 'medium' | 'table'> {
  /** Unset: nothing can be kept, and what needs it is refused. */
  place: SpoolPlace | undefined;
  /** Who shares a place with others: namespace and workload of the pod. */
  scope: string;
}

const RETRY_MS = 1000;
/** What an earlier process left must not wait for a request. */
const AGAIN_MS = 5000;
const OURS = /^\/v1\/(files|batches|async)(\/.*)?$/;
const OUR_ID = /^(file-or|batch_or|async_or)[0-9a-f]{24}$/;

export class RunningLater implements LaterSeam {
  readonly #options: RunningLaterOptions;
  #table: RoutingTable | undefined;
  #batches = false;
  #deferred = false;
  #service: LaterService | undefined;
  #loading: Promise<void> | undefined;
  #medium: Medium | undefined;
  #again: Timer | undefined;
  #stopped = false;

  constructor(options: RunningLaterOptions) {
    this.#options = options;
  }

  /** Another configuration runs. */
  apply(table: RoutingTable | undefined): void {
    this.#table = table;
    const rules = (table?.routes ?? []).flatMap((route) => route.rules.map(({ body }) => body));
    this.#batches = rules.some(({ batch }) => batch);
    this.#deferred = rules.some((rule) => rule.async);
    if (!this.#batches && !this.#deferred) return;
    if (this.#service) this.#service.start();
    else void this.#load();
  }

  get state(): { open: number; bytes: number } {
    return this.#service?.state ?? { open: 0, bytes: 0 };
  }

  serve(
    exchange: HttpExchange,
    head: RequestHead,
    accept: (() => void) | undefined,
  ): Promise<void> | undefined {
    if (!this.#batches && !this.#deferred) return undefined;
    const path = OURS.exec(exchange.path);
    if (path === null) return undefined;
    const segments = exchange.path.slice('/v1/'.length).split('/');
    const [what, id] = segments;
    if (what === 'async' ? !this.#deferred : !this.#batches) return undefined;
    // Files and batches that a provider keeps go where they went before.
    if (id !== undefined && !OUR_ID.test(id) && this.#passes(exchange.path)) return undefined;
    return this.#serve(exchange, head, accept, segments);
  }

  defer(exchange: HttpExchange, path: string, body: Buffer): Promise<void> | undefined {
    if (!this.#deferred) return undefined;
    const terms = asyncTerms(exchange, body, this.#table);
    return terms && this.#defer(exchange, path, body, terms);
  }

  /** Sends nothing more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#again?.cancel();
    await this.#loading;
    await this.#service?.stop();
    await this.#medium?.close();
  }

  /** What is under way is broken off; the next process goes on with it. */
  cut(): void {
    this.#service?.cut();
  }

  async #serve(
    exchange: HttpExchange,
    head: RequestHead,
    accept: (() => void) | undefined,
    segments: readonly string[],
  ): Promise<void> {
    const service = this.#service ?? (await this.#opened());
    await service.serve(exchange, head, accept, segments);
  }

  async #defer(exchange: HttpExchange, path: string, body: Buffer, terms: AsyncTerms): Promise<void> {
    const service = this.#service ?? (await this.#opened());
    await service.defer(exchange, path, body, terms);
  }

  async #opened(): Promise<LaterService> {
    if (this.#options.place === undefined) {
      throw new OutriderError('spool_missing', { what: 'batches and answers for later' });
    }
    await this.#load();
    if (!this.#service) throw new OutriderError('spool_unusable', {}, RETRY_MS);
    return this.#service;
  }

  #passes(path: string): boolean {
    const prefix = (one: string): boolean =>
      path === one || path.startsWith(one.endsWith('/') ? one : `${one}/`);
    return (this.#table?.routes ?? []).some(({ rules }) =>
      rules.some(({ body }) => body.passthrough.some(({ pathPrefix }) => prefix(pathPrefix))),
    );
  }

  #load(): Promise<void> {
    this.#loading ??= this.#open().finally(() => {
      if (!this.#service) this.#loading = undefined;
    });
    return this.#loading;
  }

  async #open(): Promise<void> {
    const { place, clock, scope, warn } = this.#options;
    if (place === undefined || this.#stopped) return;
    let medium: Medium | undefined;
    try {
      medium = await openPlace(place, { clock, scope, warn });
      const { LaterService: Service } = await import('./service.ts');
      const service = await Service.open({ ...this.#options, medium, table: () => this.#table });
      medium.onLost(() => this.#lose(service));
      this.#medium = medium;
      this.#service = service;
      if (!this.#stopped) service.start();
    } catch (error) {
      warn(`the spool ${placeName(place)} cannot be used: ${String(error)}`);
      await medium?.close();
      // One alone, however many requests have found it so.
      this.#again?.cancel();
      if (!this.#stopped) this.#again = clock.after(AGAIN_MS, () => void this.#load());
    }
  }

  /** Somebody else goes on with what is there; this process begins with a place of its own. */
  #lose(service: LaterService): void {
    const medium = this.#medium;
    this.#service = undefined;
    this.#medium = undefined;
    this.#loading = undefined;
    service.cut();
    void service
      .stop()
      .then(() => medium?.close())
      .then(() => this.#load());
  }
}
