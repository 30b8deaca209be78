/** Everything of batches and deferred requests, once configuration asks for it. */
import type { CredentialSource } from '../dispatch/keys.ts';
import type { RoutingTable } from '../routing/table.ts';
import type { HttpExchange } from '../server/http-exchange.ts';
import type { RequestHead } from '../server/request-head.ts';
import type { Clock } from '../snapshot/clock.ts';
import { AsyncDesk } from './async-desk.ts';
import type { AsyncTerms } from './async-terms.ts';
import { AsyncWorker } from './async-worker.ts';
import { BatchesDesk } from './batches-desk.ts';
import { type Desks, serveLater } from './desk.ts';
import { FilesDesk } from './files-desk.ts';
import type { Medium } from './media/medium.ts';
import type { NativeParts, NativeRunner } from './native/run-native.ts';
import { isOver } from './records.ts';
import { largestInput } from './rules.ts';
import type { LineOutcome } from './run-batch.ts';
import { type SenderParts, senderOf } from './sender.ts';
import { Spool } from './spool.ts';
import { delivererOf } from './webhook.ts';
import { BatchWorker } from './worker.ts';

export interface ServiceParts extends SenderParts, Pick<NativeParts, 'dispatch' | 'recording'> {
  medium: Medium;
  /** Most that is kept there, in bytes. */
  maxBytes: number;
  /** Longest body of a request, in bytes. */
  maxBody: number;
  clock: Clock;
  credentials: Pick<CredentialSource, 'get' | 'has'>;
  table: () => RoutingTable | undefined;
  random: () => number;
  warn: (message: string) => void;
  onLine: (outcome: LineOutcome) => void;
  /** A batch or a deferred request has ended, or somebody was told of it. */
  onEnd: (what: 'Batch' | 'Async' | 'Webhook', how: string) => void;
}

export class LaterService {
  readonly #spool: Spool;
  readonly #batches: BatchWorker;
  readonly #deferred: AsyncWorker;
  readonly #desks: Desks;

  private constructor(parts: ServiceParts, spool: Spool) {
    const { clock, random, warn, onLine, onEnd, maxBody, table, credentials } = parts;
    this.#spool = spool;
    const send = senderOf(parts);
    const wall = (): number => clock.wall();
    let runner: NativeRunner | undefined;
    const native = async (): Promise<NativeRunner> => {
      const { NativeRunner: Runner } = await import('./native/run-native.ts');
      const hasCredential = (id: string): boolean => credentials.has(id);
      runner ??= new Runner({ ...parts, spool, maxLine: maxBody, hasCredential });
      return runner;
    };
    this.#batches = new BatchWorker({
      spool,
      clock,
      send,
      maxLine: maxBody,
      random,
      warn,
      onLine,
      table,
      native,
      onEnd: (batch) => onEnd('Batch', batch.state),
    });
    this.#deferred = new AsyncWorker({
      spool,
      clock,
      send,
      random,
      warn,
      deliver: delivererOf({ secret: (id) => credentials.get(id) }),
      onEnd: ({ state }) => onEnd('Async', state),
      onWebhook: (delivered) => onEnd('Webhook', delivered ? 'delivered' : 'failed'),
    });
    this.#desks = {
      files: new FilesDesk({ spool, wall, maxBytes: () => largestInput(table()) }),
      batches: new BatchesDesk({ spool, worker: this.#batches, wall }),
      deferred: new AsyncDesk({ spool, worker: this.#deferred, wall }),
    };
  }

  static async open(parts: ServiceParts): Promise<LaterService> {
    const { medium, maxBytes, warn } = parts;
    return new LaterService(parts, await Spool.open({ medium, maxBytes, warn }));
  }

  /** Goes on with what an earlier process left. */
  start(): void {
    this.#batches.wake();
    this.#deferred.wake();
  }

  serve(
    exchange: HttpExchange,
    head: RequestHead,
    accept: (() => void) | undefined,
    segments: readonly string[],
  ): Promise<void> {
    return serveLater(this.#desks, exchange, head, accept, segments);
  }

  defer(exchange: HttpExchange, path: string, body: Buffer, terms: AsyncTerms): Promise<void> {
    return this.#desks.deferred.take(exchange, path, body, terms);
  }

  /** Batches that have not ended, and bytes of the spool. */
  get state(): { open: number; bytes: number } {
    let open = 0;
    for (const batch of this.#spool.batches.values()) if (!isOver(batch)) open++;
    return { open, bytes: this.#spool.bytes };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#batches.stop(), this.#deferred.stop()]);
  }

  cut(): void {
    this.#batches.cut();
    this.#deferred.cut();
  }
}
