/** Where batches and answers for later are kept, as flags of whoever runs a sidecar. */
import { readFileSync } from 'node:fs';
import type { SpoolPlace } from '../sidecar/batch/media/place.ts';
import { type Arguments, UsageError } from './arguments.ts';
import { isStoreURL } from './cache-options.ts';

export const SPOOL_FLAGS = ['spool-dir', 'spool-url', 'spool-ca-file', 'spool-scope', 'spool-bytes'] as const;

export type SpoolSettings = SpoolPlace & { maxBytes?: number };

const MIB = 1024 ** 2;
const MOST_BYTES = 1024 * 1024 * MIB;

const SCOPE = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$/;

/** Undefined: nothing is kept. Reads the file of --spool-ca-file. */
export function spoolOf(given: Arguments): SpoolSettings | undefined {
  const directory = given.text('spool-dir');
  const url = given.text('spool-url');
  const caFile = given.text('spool-ca-file');
  const scope = given.text('spool-scope');
  const maxBytes = given.integer('spool-bytes', MIB, MOST_BYTES);
  const most = maxBytes === undefined ? {} : { maxBytes };
  if (directory !== undefined && url !== undefined) {
    throw new UsageError('--spool-dir and --spool-url exclude each other');
  }
  if (url === undefined) {
    // Variables are an installation's for all its sidecars, and some keep nothing: they must start all the same.
    if (given.isGiven('spool-ca-file')) throw new UsageError('--spool-ca-file needs --spool-url');
    if (given.isGiven('spool-scope')) throw new UsageError('--spool-scope needs --spool-url');
    if (directory === undefined && given.isGiven('spool-bytes')) {
      throw new UsageError('--spool-bytes needs --spool-dir or --spool-url');
    }
    return directory === undefined ? undefined : { directory, ...most };
  }
  // Never shown: it may hold a password.
  if (!isStoreURL(url)) {
    throw new UsageError('--spool-url must be like redis://user:password@host:6379/0, rediss:// for TLS');
  }
  if (scope !== undefined && !SCOPE.test(scope)) {
    throw new UsageError('--spool-scope must be of letters, digits and . _ / -, at most 253');
  }
  const ca = caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') };
  return { url, ...ca, ...(scope !== undefined && { scope }), ...most };
}
