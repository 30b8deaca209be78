/**
 * What a rule may ask about one request beyond its envelope. Each value is worked out when the first rule asks, at most
 * once; those that a model must be asked for are gathered before rules are matched and put in here.
 */
import type { RequestFacts } from '../routing/plan.ts';
import type { RouteBody } from '../snapshot/schema.ts';
import type { ClassifierBody, IntentsBody, VectorsBody } from '../snapshot/shapes/signals.ts';
import { readClaims } from './claims.ts';
import { type Content, contentWords, readContent } from './content.ts';
import { readDifficulty } from './difficulty.ts';
import { decideIntent, lexicalFor } from './intents.ts';
import { detectLanguage } from './language/detect.ts';
import type { LexicalClassifier } from './lexical/classifier.ts';
import { type Reading, unknown } from './reading.ts';
import { type PromptSample, sampleTexts } from './sample.ts';

/** What the signals of a route need beside the request, made ready once per configuration. */
export interface RouteSignals {
  readonly intents?: IntentsBody | undefined;
  /** Of intents by words: trained on their examples. */
  readonly lexical?: LexicalClassifier | undefined;
  readonly classifier?: ClassifierBody | undefined;
  /** Of the examples of the intents, where the operator made them. */
  readonly vectors?: VectorsBody | undefined;
}

/** Of a route's body; undefined: it has no version that runs. */
export function routeSignals(
  body: RouteBody | undefined,
  vectors: Readonly<Record<string, VectorsBody>> = {},
): RouteSignals {
  const { intents, classifier } = body?.signals ?? {};
  return {
    intents,
    classifier,
    vectors: vectors[intents?.embeddings?.vectors ?? ''],
    lexical: intents?.method === 'Lexical' ? lexicalFor(intents) : undefined,
  };
}

/** Signals that a model is asked for. */
export type AskedSignal = 'Intents' | 'Classifier';

/** Answers of models, or why there is none; what is missing was not asked for. */
export interface Gathered {
  intent?: Reading<string>;
  label?: Reading<string>;
}

export class Signals {
  readonly of: RouteSignals;
  /** Filled by the stage before matching. */
  gathered: Gathered = {};
  readonly #facts: RequestFacts;
  #sample: PromptSample | undefined;
  #content: Reading<Content> | undefined;
  #difficulty: Reading<number> | undefined;
  #intent: Reading<string> | undefined;
  #language: Reading<string> | undefined;
  #claims: { key: string; reading: ReturnType<typeof readClaims> } | undefined;

  constructor(facts: RequestFacts, of: RouteSignals) {
    this.#facts = facts;
    this.of = of;
  }

  /** Head and tail of what the user wrote. */
  sample(): PromptSample {
    this.#sample ??= this.#facts.sample?.() ?? sampleTexts(this.#facts.userText());
    return this.#sample;
  }

  content(): Reading<Content> {
    this.#content ??= readContent(this.sample().all);
    return this.#content;
  }

  difficulty(): Reading<number> {
    if (this.#difficulty) return this.#difficulty;
    const content = this.content();
    const value = content.known ? content.value : { code: 0, math: 0 };
    this.#difficulty = readDifficulty(this.sample().last, value, this.#facts);
    return this.#difficulty;
  }

  /** Name of the intent, or `none`. */
  intent(): Reading<string> {
    const { intents, lexical } = this.of;
    if (!intents || !lexical)
      return this.gathered.intent ?? unknown('it is asked of a model, which was not done');
    this.#intent ??= decideIntent(lexical.classify(this.sample().last), intents);
    return this.#intent;
  }

  language(): Reading<string> {
    this.#language ??= detectLanguage(this.sample().last);
    return this.#language;
  }

  /** Name of the classifier's label, or `none`. */
  label(): Reading<string> {
    return this.gathered.label ?? unknown('it is asked of a model, which was not done');
  }

  claims(header: string, format: 'JWT' | 'JSON'): ReturnType<typeof readClaims> {
    const key = `${format} ${header}`;
    if (this.#claims?.key !== key) {
      this.#claims = { key, reading: readClaims(this.#facts.header(header), format) };
    }
    return this.#claims.reading;
  }

  /** What rules asked, of bounded words; undefined: nothing. */
  told(): SignalValues | undefined {
    const difficulty = valueOf(this.#difficulty);
    const content = valueOf(this.#content);
    const told = {
      intent: valueOf(this.#intent ?? this.gathered.intent),
      label: valueOf(this.gathered.label),
      difficulty,
      language: valueOf(this.#language),
      content: content && contentWords(content),
    };
    return Object.values(told).every((one) => one === undefined) ? undefined : told;
  }

  /** Lets go of the text: a request that is answered for minutes keeps values only. */
  release(): void {
    this.#sample = undefined;
  }
}

/** As logs and spans show them. A signal that was not asked, or is not known, is absent. */
export interface SignalValues {
  /** Of the route's names, or `none`. */
  intent: string | undefined;
  label: string | undefined;
  difficulty: number | undefined;
  language: string | undefined;
  content: ('Code' | 'Math')[] | undefined;
}

const valueOf = <T>(reading: Reading<T> | undefined): T | undefined =>
  reading?.known ? reading.value : undefined;

const NO_SIGNALS: RouteSignals = {};

/** The signals of a request for the route that answers it. */
export function signalsOf(facts: RequestFacts, of: RouteSignals = NO_SIGNALS): Signals {
  if (facts.signals?.of !== of) facts.signals = new Signals(facts, of);
  return facts.signals;
}

/** What every signal of a route says of a request, whether or not a rule has asked. */
export function saidBySignals(facts: RequestFacts, of: RouteSignals): string[] {
  const signals = signalsOf(facts, of);
  const { intents, classifier } = signals.of;
  const said = (what: string, reading: Reading<unknown>): string =>
    reading.known ? reading.said : `${what} unknown: ${reading.why}`;
  return [
    said('difficulty', signals.difficulty()),
    said('content', signals.content()),
    said('language', signals.language()),
    ...(intents ? [said('intent', signals.intent())] : []),
    ...(classifier ? [said('label', signals.label())] : []),
    ...(facts.classification === undefined ? [] : [`classification ${facts.classification}`]),
  ];
}
