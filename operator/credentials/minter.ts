/**
 * Keeps a token for each credential that a cloud gives one for: got when the credential appears, got anew well before it ends,
 * tried again where it is refused. Long-lived secrets stay here; what goes out lives for an hour at most. Every replica keeps its
 * own, so none waits for another.
 */
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';
import type { Minted, MintRequest } from '../../sidecar/tokens/mint.ts';
import { MintError } from '../../sidecar/tokens/token-io.ts';
import type { Mint, Token, Tokens } from '../compile/mints.ts';
import type { Log } from '../watch/log.ts';

export interface MinterOptions {
  mint(request: MintRequest): Promise<Minted>;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Log;
  /** A token came, or came to an end. */
  changed(): void;
}

/** A token is got anew when this share of its life is left, give or take a tenth of that. */
const LEFT_SHARE = 0.25;
const JITTER = 0.1;
const RETRY = { baseMs: 1_000, maxMs: 60_000 };
/** Exchanges at a time. */
const MAX_RUNNING = 16;

class Entry {
  /** What it was made for, to tell a change. Holds secrets: never shown. */
  wanted: string;
  request: MintRequest;
  token: Minted | undefined = undefined;
  /** Grows with each token. */
  count = 0;
  problem: string | undefined = undefined;
  failures = 0;
  timer: Timer | undefined = undefined;
  ending: Timer | undefined = undefined;

  constructor(wanted: string, request: MintRequest) {
    this.wanted = wanted;
    this.request = request;
  }
}

export class Minter {
  readonly #options: MinterOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting: Entry[] = [];
  #running = 0;
  #stopped = false;

  constructor(options: MinterOptions) {
    this.#options = options;
  }

  /** What is wanted from now on: what is not named is forgotten. */
  update(mints: readonly Mint[]): void {
    if (this.#stopped) return;
    const named = new Set(mints.map(({ id }) => id));
    for (const [id, entry] of this.#entries) if (!named.has(id)) this.#forget(id, entry);
    for (const { id, request } of mints) {
      if (request === undefined) continue;
      const wanted = JSON.stringify(request);
      const known = this.#entries.get(id);
      if (known?.wanted === wanted) continue;
      // A token of before stays in use until there is one of the new kind.
      const entry = known ?? new Entry(wanted, request);
      entry.wanted = wanted;
      entry.request = request;
      this.#entries.set(id, entry);
      this.#enqueue(entry);
    }
  }

  /** As of now, by id of the credential. Ids whose first exchange is under way are not in it. */
  tokens(): Tokens {
    const now = this.#options.clock.wall();
    const found = new Map<string, Token>();
    for (const [id, { token, count, problem }] of this.#entries) {
      if (token && token.expiresAt > now) {
        found.set(id, { ok: true, value: token.value, version: `${count}.${token.expiresAt}` });
      } else if (problem !== undefined) found.set(id, { ok: false, message: problem });
    }
    return found;
  }

  stop(): void {
    this.#stopped = true;
    for (const [id, entry] of this.#entries) this.#forget(id, entry);
    this.#waiting.length = 0;
  }

  #forget(id: string, entry: Entry): void {
    entry.timer?.cancel();
    entry.ending?.cancel();
    this.#entries.delete(id);
  }

  #isCurrent(entry: Entry): boolean {
    for (const known of this.#entries.values()) if (known === entry) return true;
    return false;
  }

  #enqueue(entry: Entry): void {
    this.#waiting.push(entry);
    this.#run();
  }

  #run(): void {
    while (this.#running < MAX_RUNNING) {
      const entry = this.#waiting.shift();
      if (entry === undefined) return;
      if (!this.#isCurrent(entry)) continue;
      this.#running++;
      void this.#exchange(entry);
    }
  }

  /** Never rejects. */
  async #exchange(entry: Entry): Promise<void> {
    const { request } = entry;
    // What is wanted may have changed meanwhile: then another exchange is under way, and this one's answer is of the past.
    const isWanted = () => entry.request === request && this.#isCurrent(entry);
    try {
      const token = await this.#options.mint(request);
      if (isWanted()) this.#got(entry, token);
    } catch (error) {
      if (isWanted()) this.#refused(entry, error);
    } finally {
      this.#running--;
      this.#run();
    }
  }

  #got(entry: Entry, token: Minted): void {
    const { clock, random } = this.#options;
    entry.token = token;
    entry.count++;
    entry.problem = undefined;
    entry.failures = 0;
    const life = Math.max(0, token.expiresAt - clock.wall());
    const left = life * LEFT_SHARE * (1 + JITTER * (2 * random() - 1));
    this.#after(entry, Math.max(RETRY.baseMs, life - left));
    entry.ending?.cancel();
    entry.ending = clock.after(life, () => this.#options.changed());
    this.#options.changed();
  }

  #refused(entry: Entry, error: unknown): void {
    const { log } = this.#options;
    const problem = error instanceof MintError ? error.message : 'no token could be made';
    const isNew = entry.problem !== problem;
    entry.problem = problem;
    entry.failures++;
    // One line for each way in which it fails, not for each try.
    if (isNew) log.warn({ kind: entry.request.kind }, `a cloud gave no token: ${problem}`);
    this.#after(entry, Math.min(RETRY.maxMs, RETRY.baseMs * 2 ** Math.min(entry.failures - 1, 16)));
    if (isNew) this.#options.changed();
  }

  #after(entry: Entry, ms: number): void {
    entry.timer?.cancel();
    entry.timer = this.#options.clock.after(ms, () => {
      entry.timer = undefined;
      this.#enqueue(entry);
    });
  }
}
