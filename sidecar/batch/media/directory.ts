/** A directory of plain files. */
import { type FileHandle, mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFile, writeWhole } from './durable.ts';
import type { Growing, Medium } from './medium.ts';

/** Throws where the directory cannot be used. */
export async function openDirectory(directory: string): Promise<Medium> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = (name: string): string => join(directory, name);
  return {
    label: directory,
    async list() {
      const found: { name: string; bytes: number }[] = [];
      for (const name of await readdir(directory)) {
        if (name.endsWith('.tmp')) await removeFile(path(name));
        else found.push({ name, bytes: (await stat(path(name))).size });
      }
      return found;
    },
    async read(name, position, length) {
      let handle: FileHandle;
      try {
        handle = await open(path(name), 'r');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
        throw error;
      }
      try {
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, position);
        return buffer.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    },
    size: (name) =>
      stat(path(name)).then(
        (found) => found.size,
        () => 0,
      ),
    replace: (name, content) => writeWhole(path(name), content),
    grow: (name, length) => GrowingFile.open(path(name), length),
    remove: (name) => removeFile(path(name)),
    // Nobody else is told of it: that is for whoever mounts it.
    onLost: () => {},
    close: () => Promise.resolve(),
  };
}

class GrowingFile implements Growing {
  readonly #handle: FileHandle;
  #length: number;

  private constructor(handle: FileHandle, length: number) {
    this.#handle = handle;
    this.#length = length;
  }

  static async open(path: string, length: number): Promise<GrowingFile> {
    const handle = await open(path, 'a', 0o600);
    try {
      if ((await handle.stat()).size > length) await handle.truncate(length);
      return new GrowingFile(handle, length);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get length(): number {
    return this.#length;
  }

  async append(bytes: Buffer): Promise<void> {
    try {
      await this.#handle.appendFile(bytes);
      this.#length += bytes.length;
    } catch (error) {
      // The disk is full, perhaps: no half a piece stays.
      await this.#handle.truncate(this.#length).catch(() => {});
      throw error;
    }
  }

  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
