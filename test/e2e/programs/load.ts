/** Questions at a steady pace, whether or not earlier ones are answered; every fifth is a stream. */
import type OpenAI from 'openai';
import { ask, openStream } from './ask.ts';

export interface LoadReport {
  asked: number;
  /** Of those, as streams. */
  streams: number;
  answered: number;
  failed: number;
  /** The first failures, with milliseconds since the start. */
  failures: { atMs: number; error: string }[];
  seconds: number;
  /** Milliseconds until the whole answer. */
  p50: number;
  p99: number;
  slowest: number;
}

const STREAM_EVERY = 5;
const MOST_FAILURES = 20;
const MOST_TIMES = 200_000;

export class Load {
  readonly #openai: OpenAI;
  readonly #open = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #began = 0;
  #ended: number | undefined;
  #asked = 0;
  #failed = 0;
  #failures: LoadReport['failures'] = [];
  #times: number[] = [];

  constructor(openai: OpenAI) {
    this.#openai = openai;
  }

  start(perSecond: number): void {
    clearInterval(this.#timer);
    this.#began = performance.now();
    this.#ended = undefined;
    this.#asked = 0;
    this.#failed = 0;
    this.#failures = [];
    this.#times = [];
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - this.#began) / 1000) * perSecond);
      while (this.#asked < due) this.#one();
    }, 1000 / perSecond);
  }

  /** Waits for what is open. */
  async stop(): Promise<LoadReport> {
    clearInterval(this.#timer);
    this.#ended ??= performance.now();
    await Promise.all(this.#open);
    return this.report();
  }

  report(): LoadReport {
    const times = this.#times.toSorted((a, b) => a - b);
    const quantile = (share: number) => Math.round(times[Math.floor(share * (times.length - 1))] ?? 0);
    return {
      asked: this.#asked,
      streams: Math.ceil(this.#asked / STREAM_EVERY),
      answered: this.#asked - this.#failed - this.#open.size,
      failed: this.#failed,
      failures: this.#failures,
      seconds: Math.round(((this.#ended ?? performance.now()) - this.#began) / 1000),
      p50: quantile(0.5),
      p99: quantile(0.99),
      slowest: quantile(1),
    };
  }

  #one(): void {
    const open = this.#exchange(this.#asked++ % STREAM_EVERY === 0);
    this.#open.add(open);
    void open.finally(() => this.#open.delete(open));
  }

  async #exchange(streams: boolean): Promise<void> {
    const began = performance.now();
    const error = await (streams ? this.#stream() : this.#question());
    if (this.#times.length < MOST_TIMES) this.#times.push(performance.now() - began);
    if (error === undefined) return;
    this.#failed++;
    if (this.#failures.length < MOST_FAILURES)
      this.#failures.push({ atMs: Math.round(began - this.#began), error });
  }

  async #question(): Promise<string | undefined> {
    const answer = await ask(this.#openai);
    return answer.ok ? undefined : `${answer.status ?? 'no answer'}: ${answer.error}`;
  }

  async #stream(): Promise<string | undefined> {
    try {
      let finish: string | null = null;
      for await (const { choices } of await openStream(this.#openai, 'Hello'))
        finish = choices[0]?.finish_reason ?? finish;
      return finish === 'stop' ? undefined : `a stream ended with ${finish ?? 'nothing'}`;
    } catch (error) {
      return `stream: ${String(error)}`;
    }
  }
}
