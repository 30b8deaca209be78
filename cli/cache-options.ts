/** Flags of the cache, for whatever runs a sidecar. */
import { readFileSync } from 'node:fs';
import type { CacheOptions } from '../sidecar/cache/lazy.ts';
import { type Arguments, UsageError } from './arguments.ts';

export const CACHE_FLAGS = ['cache-bytes', 'cache-url', 'cache-ca-file'] as const;

export interface CacheSettings {
  bytes: number | undefined;
  url: string | undefined;
  caFile: string | undefined;
}

const FORM = /^(?:redis|valkey)s?:\/\/[^\s/]+(?:\/\d{1,4})?$/;

export const isStoreURL = (url: string): boolean => FORM.test(url);

export function readCacheSettings(given: Arguments): CacheSettings {
  const url = given.text('cache-url');
  // Never shown: it may hold a password.
  if (url !== undefined && !isStoreURL(url)) {
    throw new UsageError('--cache-url must be like redis://user:password@host:6379/0, rediss:// for TLS');
  }
  return {
    bytes: given.integer('cache-bytes', 1024 * 1024, 16 * 1024 ** 3),
    url,
    caFile: given.text('cache-ca-file'),
  };
}

export function cacheOptions({ bytes, url, caFile }: CacheSettings): CacheOptions {
  return {
    ...(bytes !== undefined && { maxBytes: bytes }),
    ...(url !== undefined && {
      shared: { url, ...(caFile !== undefined && { ca: readFileSync(caFile, 'utf8') }) },
    }),
  };
}
