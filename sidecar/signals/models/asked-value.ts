/** One signal that a model is asked for: remembered per text, asked for within bounds, and left alone while it does not answer. */
import { hash } from 'node:crypto';
import type { Clock } from '../../snapshot/clock.ts';
import type { AskedModelBody } from '../../snapshot/shapes/signals.ts';
import { type Reading, unknown } from '../reading.ts';
import { cutText } from './cut-text.ts';
import { Pause } from './pause.ts';
import { TimedCache } from './timed-cache.ts';

/** `later`: it says nothing of the model that there is no reading, such as when the caller left. */
export type Tried = { reading: Reading<string>; later?: boolean };

const MOST_TEXTS = 2000;
const MOST_MODELS = 64;

export class AskedValues {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #remembered = new TimedCache<Reading<string>>(MOST_TEXTS);
  readonly #pauses = new Map<string, Pause>();
  readonly #keys = new WeakMap<object, string>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** What is remembered of `text`; undefined: nothing. `settings`: all that the answer depends on besides. */
  peek(settings: object, asked: AskedModelBody, text: string): Reading<string> | undefined {
    const found = this.#remembered.get(
      this.#keyOf(settings, cutText(text, asked.maxInputTokens)),
      this.#now(),
    );
    return found?.known ? { ...found, said: `${found.said} (remembered)` } : found;
  }

  /** Remembered, or asked for now. Never rejects as long as `ask` does not. */
  async read(
    settings: object,
    asked: AskedModelBody,
    text: string,
    ask: (text: string) => Promise<Tried>,
  ): Promise<Reading<string>> {
    const remembered = this.peek(settings, asked, text);
    if (remembered) return remembered;
    const sent = cutText(text, asked.maxInputTokens);
    const pause = this.#pauseOf(this.#settingsKey(settings));
    const left = pause.left(this.#now());
    if (left > 0) return unknown(`the model did not answer lately; nobody asks for ${Math.ceil(left)} ms`);
    const { reading, later = false } = await ask(sent);
    if (reading.known) {
      pause.answered();
      if (asked.cacheMs > 0)
        this.#remembered.set(this.#keyOf(settings, sent), reading, this.#now() + asked.cacheMs);
    } else if (!later) pause.failed(this.#now());
    return reading;
  }

  #now(): number {
    return this.#clock.monotonic();
  }

  #settingsKey(settings: object): string {
    let key = this.#keys.get(settings);
    if (key === undefined) {
      key = hash('sha256', JSON.stringify(settings), 'base64');
      this.#keys.set(settings, key);
    }
    return key;
  }

  #keyOf(settings: object, text: string): string {
    return hash('sha256', `${this.#settingsKey(settings)} ${text}`, 'base64');
  }

  #pauseOf(key: string): Pause {
    let pause = this.#pauses.get(key);
    if (!pause) {
      const [oldest] = this.#pauses.size >= MOST_MODELS ? this.#pauses.keys() : [];
      if (oldest !== undefined) this.#pauses.delete(oldest);
      this.#pauses.set(key, (pause = new Pause()));
    }
    return pause;
  }
}
