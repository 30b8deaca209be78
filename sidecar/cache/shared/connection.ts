/** The connection to Valkey or Redis, as little of it as the cache needs. */
import { Redis, type RedisOptions } from 'ioredis';

export interface StoreConnection {
  get(key: string): Promise<Buffer | null>;
  set(key: string, value: Buffer, ttlMs: number): Promise<unknown>;
  ping(): Promise<unknown>;
  readonly ready: boolean;
  /** Forgets what was asked and not answered, and connects anew. */
  reset(): void;
  close(): void;
}

export interface ConnectionOptions {
  /** `redis://` or `rediss://` (TLS), also as `valkey://` and `valkeys://`, with user and password where the store wants them. */
  url: string;
  /** PEM of who signs the store's certificate, besides the system's. */
  ca?: string | undefined;
  onError: (message: string) => void;
}

const CONNECT_MS = 1000;
const MAX_RETRY_MS = 5000;

export const targetOf = (url: string): string => url.replace(/^valkey(s?):/, 'redis$1:');

export function redisOptions({ ca }: Pick<ConnectionOptions, 'ca'>): RedisOptions {
  return {
    // All that is needed, and every store and every proxy before one speaks it.
    protocol: 2,
    disableClientInfo: true,
    // One that still loads its data says so to each question, which is a miss.
    enableReadyCheck: false,
    lazyConnect: false,
    // What cannot be asked now is a miss; nothing waits for a connection.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
    keepAlive: 30_000,
    noDelay: true,
    retryStrategy: (times) => Math.min(MAX_RETRY_MS, 50 * 2 ** Math.min(times, 10)),
    ...(ca !== undefined && { tls: { ca } }),
  };
}

export function connect({ url, ca, onError }: ConnectionOptions): StoreConnection {
  const client = new Redis(targetOf(url), redisOptions({ ca }));
  client.on('error', (error: Error) => onError(codeOf(error)));
  return {
    get: (key) => client.getBuffer(key),
    set: (key, value, ttlMs) => client.set(key, value, 'PX', ttlMs),
    ping: () => client.ping(),
    get ready() {
      return client.status === 'ready';
    },
    reset: () => client.disconnect(true),
    close: () => client.disconnect(),
  };
}

/** Never the message: it may hold the URL with its password. */
const codeOf = (error: Error & { code?: unknown }): string =>
  typeof error.code === 'string' ? error.code : error.name;
