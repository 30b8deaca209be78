/**
 * Files that a process of this pod left for the next one. They are believed only if they still are what was written, and are
 * replaced as a whole. By callbacks of `node:fs`: its promises bring what reads lines and directories with them, the best part of a
 * megabyte in every pod.
 */
import { close, constants, fstat, fsync, open, readFile, rename, rm, writeFile } from 'node:fs';
import { promisify } from 'node:util';

const on = {
  open: promisify(open),
  close: promisify(close),
  fstat: promisify(fstat),
  fsync: promisify(fsync),
  readFile: promisify(readFile),
  rename: promisify(rename),
  rm: promisify(rm),
  writeFile: promisify(writeFile),
};

export interface OwnFile {
  text: string;
  /** When it was last written, in milliseconds since the epoch. */
  at: number;
  bytes: number;
}

/** Rejects for what is no regular file, is not ours alone or is longer than `maxBytes`, and as the system does. */
export async function readOwnFile(path: string, maxBytes: number): Promise<OwnFile> {
  const file = await on.open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const stat = await on.fstat(file);
    if (!stat.isFile()) throw new Error('it is no regular file');
    if (stat.uid !== process.getuid?.()) throw new Error('it belongs to another user');
    if ((stat.mode & 0o077) !== 0) throw new Error('others may read or write it');
    if (stat.size > maxBytes) throw new Error(`it is longer than ${maxBytes} bytes`);
    return { text: await on.readFile(file, 'utf8'), at: stat.mtimeMs, bytes: stat.size };
  } finally {
    await on.close(file);
  }
}

/** The file is there whole or as it was; mode 0600. */
export async function replaceOwnFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  // Left over from a process that died while it wrote.
  await forgetOwnFile(temporary);
  const file = await on.open(temporary, 'wx', 0o600);
  try {
    await on.writeFile(file, text);
    await on.fsync(file);
  } finally {
    await on.close(file);
  }
  await on.rename(temporary, path);
}

/** Also where there is none. */
export const forgetOwnFile = (path: string): Promise<void> => on.rm(path, { force: true });
