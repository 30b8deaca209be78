/**
 * Says when manifests on disk may have changed.
 *
 * Directories are watched, not files: editors save by renaming, mounted ConfigMaps swap a link, and a watch on the file that
 * was there would follow the old one into oblivion. Whatever the notifications say, only a look at sizes, times and inodes
 * decides, and that look is repeated every few seconds, because network mounts and exhausted inotify limits notify of nothing.
 */
import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';
import { Debounce } from './debounce.ts';

export interface FileWatcherOptions {
  paths: readonly string[];
  clock: Clock;
  /** Called after each change that settled. The next change is reported only after the promise has settled. */
  onChange(): Promise<void>;
  /** Milliseconds between looks where nothing was notified. */
  pollMs?: number;
}

/** Longer than an editor takes between truncating and writing. */
const SETTLE = { quietMs: 50, maxMs: 500 };
const POLL_MS = 2000;
const MAX_DIRECTORIES = 1000;
const MAX_FILES = 10_000;

export class FileWatcher {
  readonly #options: FileWatcherOptions;
  readonly #settle: Debounce;
  readonly #watchers = new Map<string, FSWatcher>();
  #signature = '';
  #poll: Timer | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: FileWatcherOptions) {
    this.#options = options;
    this.#settle = new Debounce(options.clock, SETTLE, () => void this.#look());
  }

  /** Takes what is there now as known. Call it before reading, so that no change falls in between. */
  async start(): Promise<void> {
    this.#signature = await this.#survey();
    this.#pollLater();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#settle.cancel();
    this.#poll?.cancel();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    await this.#looking;
  }

  #pollLater(): void {
    if (this.#stopped) return;
    this.#poll = this.#options.clock.after(this.#options.pollMs ?? POLL_MS, () => {
      void this.#look();
      this.#pollLater();
    });
  }

  #look(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#again = true;
    this.#looking ??= this.#lookUntilSettled().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookUntilSettled(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const signature = await this.#survey();
      if (signature === this.#signature || this.#stopped) continue;
      this.#signature = signature;
      await this.#options.onChange();
    }
  }

  /** Looks at every manifest and follows the directories they are in. */
  async #survey(): Promise<string> {
    const lines: string[] = [];
    const directories = new Set<string>();
    for (const named of this.#options.paths) {
      directories.add(path.dirname(path.resolve(named)));
      await this.#visit(path.resolve(named), true, lines, directories);
    }
    this.#follow(directories);
    return lines.join('\n');
  }

  async #visit(file: string, named: boolean, lines: string[], directories: Set<string>): Promise<void> {
    if (lines.length >= MAX_FILES || directories.size >= MAX_DIRECTORIES) return;
    const facts = await stat(file, { bigint: true }).catch(() => undefined);
    if (!facts) {
      if (named) lines.push(`${file} absent`);
      return;
    }
    if (!facts.isDirectory()) {
      if (named || /\.(ya?ml|json)$/.test(file)) {
        lines.push(`${file} ${facts.ino} ${facts.size} ${facts.mtimeNs}`);
      }
      return;
    }
    directories.add(file);
    const entries = await readdir(file, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue;
      const full = path.join(file, entry.name);
      // As when reading: a link to a file counts, a link to a directory could lead in a circle.
      const leadsToFile = async () => (await stat(full).catch(() => undefined))?.isFile() ?? false;
      if (entry.isSymbolicLink() && !(await leadsToFile())) continue;
      await this.#visit(full, false, lines, directories);
    }
  }

  #follow(directories: ReadonlySet<string>): void {
    for (const [directory, watcher] of this.#watchers) {
      if (directories.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of directories) {
      if (this.#watchers.has(directory) || this.#stopped) continue;
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#settle.signal());
        watcher.on('error', () => {
          watcher.close();
          this.#watchers.delete(directory);
        });
        this.#watchers.set(directory, watcher);
      } catch {
        // The regular look notices what this directory cannot notify of.
      }
    }
  }
}
