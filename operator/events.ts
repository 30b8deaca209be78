/**
 * Events about objects of the cluster, for `kubectl describe` and `kubectl events`.
 *
 * What happens again is one Event with a count. Each object has its own allowance and all together have one, so that a thousand
 * pods with one fault do not fill the API server. Events are for people: one that cannot be written is dropped and counted.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../sidecar/snapshot/clock.ts';
import { TokenBucket } from './token-bucket.ts';
import type { ApiClient } from './watch/api-client.ts';
import { ApiError } from './watch/api-error.ts';
import { describeError, type Log } from './watch/log.ts';
import { WorkQueue } from './watch/queue.ts';

export interface ClusterEvent {
  /** What it is about. */
  regarding: { apiVersion: string; kind: string; namespace: string; name: string; uid: string };
  /** Warning: somebody should do something. */
  type: 'Normal' | 'Warning';
  /** One CamelCase word. */
  reason: string;
  /** What was done or failed; one CamelCase word. */
  action: string;
  /** A sentence; at most 1,024 characters of it are kept. */
  note: string;
}

export interface EventSink {
  emit(event: ClusterEvent): void;
}

export type EventResult = 'Written' | 'Dropped' | 'Failed';

export interface EventWriterOptions {
  client: ApiClient;
  clock: Clock;
  random: () => number;
  log: Log;
  /** Who reports, such as `outrider.dev/operator`. */
  controller: string;
  /** Which of its replicas. */
  instance: string;
  observe?: (result: EventResult) => void;
}

interface Series {
  name: string;
  event: ClusterEvent;
  /** Times it happened, of which the API server knows `written`. */
  count: number;
  written: number;
  firstAt: number;
  lastAt: number;
  /** In the form of core/v1: the API server has no events.k8s.io. */
  core: boolean;
}

const MAX_SERIES = 4_096;
const MAX_OBJECTS = 4_096;
const MAX_NOTE = 1_024;
/** Of one object: ten at once, one a minute in the long run. */
const OBJECT = { size: 10, perMinute: 1 };
const ALL = { size: 100, perMinute: 300 };
/** A count that only grows is not worth more writes than this. */
const SERIES_MS = 60_000;
const BACKOFF = { baseMs: 500, maxMs: 60_000 };
const CONCURRENCY = 2;

export class EventWriter implements EventSink {
  readonly queue: WorkQueue;
  readonly #options: EventWriterOptions;
  readonly #series = new Map<string, Series>();
  readonly #objects = new Map<string, TokenBucket>();
  readonly #all: TokenBucket;

  constructor(options: EventWriterOptions) {
    this.#options = options;
    const { clock, random, log } = options;
    this.#all = new TokenBucket(ALL.size, ALL.perMinute, clock.monotonic());
    this.queue = new WorkQueue({
      name: 'events',
      handle: (key) => this.#write(key),
      clock,
      random,
      log,
      concurrency: CONCURRENCY,
      backoff: BACKOFF,
    });
  }

  emit(event: ClusterEvent): void {
    const { clock, observe } = this.#options;
    const now = clock.monotonic();
    const { uid } = event.regarding;
    const key = digest([uid, event.type, event.reason, event.note]);
    const known = this.#series.get(key);
    if (known) {
      known.count += 1;
      known.lastAt = clock.wall();
      // Latest last, so that what has been quiet longest is forgotten first.
      this.#series.delete(key);
      this.#series.set(key, known);
      if (known.written > 0) this.queue.addAfter(key, SERIES_MS);
      return;
    }
    if (!this.#allowanceOf(uid, now).take(now) || !this.#all.take(now)) {
      observe?.('Dropped');
      return;
    }
    const at = clock.wall();
    const name = `${event.regarding.name.slice(0, 200).replace(/[^a-z0-9]+$/, '')}.${key}`;
    this.#series.set(key, { name, event, count: 1, written: 0, firstAt: at, lastAt: at, core: false });
    forgetOldest(this.#series, MAX_SERIES, (old) => this.queue.forget(old));
    this.queue.add(key);
  }

  async stop(): Promise<void> {
    await this.queue.stop();
  }

  #allowanceOf(uid: string, now: number): TokenBucket {
    let bucket = this.#objects.get(uid);
    if (!bucket) {
      bucket = new TokenBucket(OBJECT.size, OBJECT.perMinute, now);
      this.#objects.set(uid, bucket);
      forgetOldest(this.#objects, MAX_OBJECTS, () => {});
    }
    return bucket;
  }

  async #write(key: string): Promise<void> {
    const { log, observe } = this.#options;
    const series = this.#series.get(key);
    if (!series || series.written >= series.count) return;
    try {
      const { count } = series;
      if (series.written === 0) await this.#create(series);
      else await this.#continue(series, count);
      observe?.('Written');
    } catch (error) {
      const mends = !(error instanceof ApiError) || error.status >= 500 || error.status === 429;
      if (mends) throw error;
      // Its namespace is going, or we may not write there: it would be refused again.
      this.#series.delete(key);
      observe?.('Failed');
      const { reason, regarding } = series.event;
      log.debug(
        { reason, object: `${regarding.namespace}/${regarding.name}`, error: describeError(error) },
        'an event was refused',
      );
    }
  }

  async #create(series: Series): Promise<void> {
    const { client, controller, instance } = this.#options;
    const { name, event, firstAt, count } = series;
    const { regarding, type, reason, action, note } = event;
    try {
      await client.json({
        method: 'POST',
        path: collection(series),
        body: {
          ...(series.core
            ? {
                apiVersion: 'v1',
                involvedObject: regarding,
                message: note.slice(0, MAX_NOTE),
                reportingComponent: controller,
              }
            : {
                apiVersion: 'events.k8s.io/v1',
                regarding,
                note: note.slice(0, MAX_NOTE),
                reportingController: controller,
              }),
          kind: 'Event',
          metadata: { name, namespace: regarding.namespace },
          eventTime: microTime(firstAt),
          reportingInstance: instance.slice(0, 128),
          type,
          reason,
          action,
          ...(count > 1 ? { series: this.#seriesOf(series, count) } : {}),
        },
      });
      series.written = count;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404 && !series.core) {
        series.core = true;
        await this.#create(series);
        return;
      }
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      // Told before a restart, or by the replica that led before: it goes on counting.
      const path = `${collection(series)}/${name}`;
      const found = await client.json<{ series?: { count?: number } | null }>({ path });
      series.written = found.series?.count ?? 1;
      series.count += series.written;
      await this.#continue(series, series.count);
    }
  }

  async #continue(series: Series, count: number): Promise<void> {
    try {
      await this.#options.client.json({
        method: 'PATCH',
        path: `${collection(series)}/${series.name}`,
        contentType: 'application/merge-patch+json',
        body: { series: this.#seriesOf(series, count) },
      });
      series.written = count;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      // The API server keeps events for an hour or so.
      Object.assign(series, { count: count - series.written, written: 0, firstAt: series.lastAt });
      await this.#create(series);
    }
  }

  #seriesOf({ lastAt }: Series, count: number) {
    return { count, lastObservedTime: microTime(lastAt) };
  }
}

const collection = ({ event, core }: Series): string =>
  `${core ? '/api/v1' : '/apis/events.k8s.io/v1'}/namespaces/${event.regarding.namespace}/events`;

/** RFC 3339 with six digits, as MicroTime is written. */
const microTime = (wall: number): string => new Date(wall).toISOString().replace('Z', '000Z');

const digest = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);

function forgetOldest<T>(map: Map<string, T>, most: number, forget: (key: string) => void): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
    forget(key);
  }
}
