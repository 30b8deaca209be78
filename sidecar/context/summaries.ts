/**
 * Summaries of older turns, asked of a model and remembered by what they summarise. A summary serves as long as it and the
 * turns behind it are short enough; then one of more turns is made, from the last summary and the turns since.
 */
import { hash } from 'node:crypto';
import type { Exchange } from '../exchange.ts';
import type { Ask } from '../internal/asker.ts';
import type { RequestFacts } from '../routing/plan.ts';
import type { TableRoute, TableRule } from '../routing/table.ts';
import { cutText } from '../signals/models/cut-text.ts';
import { Pause } from '../signals/models/pause.ts';
import { TimedCache } from '../signals/models/timed-cache.ts';
import type { Clock } from '../snapshot/clock.ts';
import { member } from '../snapshot/embeddings-answer.ts';
import type { SummaryBody } from '../snapshot/shapes/context.ts';
import type { Turn } from './rounds.ts';
import { summaryQuestion } from './summary-question.ts';
import { transcript } from './transcript.ts';

/** With the length of one below, what is kept is below 2 MiB. */
const MOST_SUMMARIES = 128;
const MOST_CHARACTERS = 16 * 1024;
const MOST_PAUSES = 64;
/** How many turns back a summary is looked for. */
const MOST_LOOKS = 64;
/** Instructions beside what is summarised, and a rougher estimate of it. */
const INPUT_SLACK = 4096;

export interface Summary {
  readonly text: string;
  /** Of the conversation, from its beginning. */
  readonly turns: number;
  /** It was made for an earlier request. */
  readonly remembered: boolean;
}

export interface Subject {
  readonly route: TableRoute;
  readonly rule: TableRule;
  readonly facts: RequestFacts;
  /** On whose behalf; undefined: nobody's. */
  readonly parent: Exchange | undefined;
}

export class Summaries {
  readonly #ask: Ask;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #kept = new TimedCache<string>(MOST_SUMMARIES);
  readonly #pauses = new Map<string, Pause>();

  constructor(ask: Ask, clock: Pick<Clock, 'monotonic'>) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** The longest-reaching summary that is remembered of the first `older` turns or fewer. */
  peek(subject: Subject, body: SummaryBody, turns: readonly Turn[], older: number): Summary | undefined {
    return this.#look(this.#keysOf(subject, body, turns, older));
  }

  /** One of the first `older` turns: made now. Never rejects. `since`: what is remembered of fewer of them. */
  async make(
    subject: Subject,
    body: SummaryBody,
    turns: readonly Turn[],
    older: number,
    since: Summary | undefined,
  ): Promise<Summary | { failed: string }> {
    const { route, rule, facts, parent } = subject;
    const summarizer = rule.summarizer;
    const provider = summarizer?.stateful.provider;
    if (!summarizer || !provider) return { failed: 'the model that summarises has no provider here' };
    const settings = JSON.stringify([route.id, body.target]);
    const pause = this.#pauseOf(settings);
    const left = pause.left(this.#now());
    if (left > 0) return { failed: `the model did not answer lately; nobody asks for ${Math.ceil(left)} ms` };
    const before = since ? `What came before, in short: ${since.text}\n\n` : '';
    const newer = turns.slice(since?.turns ?? 0, older).map(transcript);
    const text = cutText(before + newer.join(''), body.maxInputTokens);
    const asked = await this.#ask({
      purpose: 'Summary',
      route,
      rule: summarizer,
      dialect: 'Chat',
      body: summaryQuestion(body, text, provider.type),
      timeoutMs: body.timeoutMs,
      maxInputTokens: body.maxInputTokens + INPUT_SLACK,
      demands: [rule.body.constraints ?? {}],
      classification: facts.classification,
      ...(parent && { parent }),
    });
    const summary = asked.ok ? readSummary(asked.answer) : undefined;
    if (summary === undefined) {
      // That a caller left says nothing of the model.
      if (asked.ok || asked.why !== 'Cancelled') pause.failed(this.#now());
      return { failed: asked.ok ? 'the answer has no text' : asked.detail };
    }
    pause.answered();
    const [key] = this.#keysOf(subject, body, turns, older);
    if (key && body.cacheMs > 0) this.#kept.set(key.key, summary, this.#now() + body.cacheMs);
    return { text: summary, turns: older, remembered: false };
  }

  #look(keys: readonly { key: string; turns: number }[]): Summary | undefined {
    for (const { key, turns } of keys) {
      const text = this.#kept.get(key, this.#now());
      if (text !== undefined) return { text, turns, remembered: true };
    }
    return undefined;
  }

  /** Of the first `older` turns, of one fewer, and so on: by what is summarised and by whom. */
  #keysOf(
    { route }: Subject,
    { target, maxInputTokens, maxOutputTokens }: SummaryBody,
    turns: readonly Turn[],
    older: number,
  ): { key: string; turns: number }[] {
    const settings = JSON.stringify([route.id, target, maxInputTokens, maxOutputTokens]);
    const keys: { key: string; turns: number }[] = [];
    let key = settings;
    for (const [index, turn] of turns.slice(0, older).entries()) {
      key = hash('sha256', `${key} ${transcript(turn)}`, 'base64');
      keys.push({ key, turns: index + 1 });
    }
    return keys.reverse().slice(0, MOST_LOOKS);
  }

  #pauseOf(key: string): Pause {
    let pause = this.#pauses.get(key);
    if (!pause) {
      const [oldest] = this.#pauses.size >= MOST_PAUSES ? this.#pauses.keys() : [];
      if (oldest !== undefined) this.#pauses.delete(oldest);
      this.#pauses.set(key, (pause = new Pause()));
    }
    return pause;
  }

  #now(): number {
    return this.#clock.monotonic();
  }
}

/** Also where it was cut off at its cap: most of a summary is one. */
function readSummary(answer: unknown): string | undefined {
  const choices = member(answer, 'choices');
  const text = member(member(Array.isArray(choices) ? choices[0] : undefined, 'message'), 'content');
  if (typeof text !== 'string' || text.trim() === '') return undefined;
  return text.trim().slice(0, MOST_CHARACTERS);
}
