/** The connection to Valkey or Redis, as little of it as a spool needs. */
import { Redis } from 'ioredis';
import { type ConnectionOptions, redisOptions, targetOf } from '../../cache/shared/connection.ts';

export type StoreOptions = ConnectionOptions;

export interface Store {
  set(key: string, value: Buffer, ttlMs: number): Promise<unknown>;
  /** Bytes from `position` on; `ttlMs` where the key may be new. */
  put(key: string, position: number, bytes: Buffer, ttlMs: number | undefined): Promise<unknown>;
  /** Both ends included. */
  range(key: string, from: number, to: number): Promise<Buffer>;
  length(key: string): Promise<number>;
  remove(key: string): Promise<unknown>;
  members(set: string): Promise<string[]>;
  add(set: string, member: string): Promise<unknown>;
  forget(set: string, member: string): Promise<unknown>;
  /** False: it is there already. */
  claim(key: string, value: string, ttlMs: number): Promise<boolean>;
  value(key: string): Promise<string | null>;
  extend(key: string, ttlMs: number): Promise<unknown>;
  ping(): Promise<unknown>;
  /** Forgets what was asked and not answered, and connects anew. */
  reset(): void;
  close(): void;
}

/** Nobody's request waits for it but those about batches. */
const COMMAND_MS = 3000;

/** Rejects where the store cannot be reached. */
export async function connectStore(options: StoreOptions): Promise<Store> {
  const client = new Redis(targetOf(options.url), {
    ...redisOptions(options),
    lazyConnect: true,
    commandTimeout: COMMAND_MS,
  });
  client.on('error', (error: Error & { code?: unknown }) =>
    options.onError(typeof error.code === 'string' ? error.code : error.name),
  );
  // Never the error itself: it may hold the URL with its password.
  const problem = await client.connect().then(
    () => undefined,
    (error: Error & { code?: string }) => error.code ?? 'it does not answer',
  );
  if (problem !== undefined) {
    client.disconnect();
    throw new Error(`the store cannot be reached: ${problem}`);
  }
  return {
    set: (key, value, ttlMs) => client.set(key, value, 'PX', ttlMs),
    async put(key, position, bytes, ttlMs) {
      await client.setrange(key, position, bytes);
      if (ttlMs !== undefined) await client.pexpire(key, ttlMs);
    },
    range: (key, from, to) => client.getrangeBuffer(key, from, to),
    length: (key) => client.strlen(key),
    remove: (key) => client.del(key),
    members: (set) => client.smembers(set),
    add: (set, member) => client.sadd(set, member),
    forget: (set, member) => client.srem(set, member),
    claim: async (key, value, ttlMs) => (await client.set(key, value, 'PX', ttlMs, 'NX')) === 'OK',
    value: (key) => client.get(key),
    extend: (key, ttlMs) => client.pexpire(key, ttlMs),
    ping: () => client.ping(),
    reset: () => client.disconnect(true),
    close: () => client.disconnect(),
  };
}
