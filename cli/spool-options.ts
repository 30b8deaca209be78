/** Where batches and answers for later are kept, as flags of whoever runs a sidecar. */
import { type Arguments, UsageError } from './arguments.ts';

export interface SpoolSettings {
  directory: string;
  maxBytes?: number;
}

const MIB = 1024 ** 2;
const MOST_BYTES = 1024 * 1024 * MIB;

/** Undefined: nothing is kept. */
export function spoolOf(given: Arguments): SpoolSettings | undefined {
  const directory = given.text('spool-dir');
  const maxBytes = given.integer('spool-bytes', MIB, MOST_BYTES);
  if (directory === undefined) {
    if (maxBytes !== undefined) throw new UsageError('--spool-bytes needs --spool-dir');
    return undefined;
  }
  return { directory, ...(maxBytes !== undefined && { maxBytes }) };
}
