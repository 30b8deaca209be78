/** Signals that ask models. Loaded with the first request that needs one. */
import type { Exchange } from '../../exchange.ts';
import type { Ask, Question } from '../../internal/asker.ts';
import type { RequestFacts } from '../../routing/plan.ts';
import type { TableRoute } from '../../routing/table.ts';
import type { Clock } from '../../snapshot/clock.ts';
import { readVectors } from '../../snapshot/embeddings-answer.ts';
import type { ConstraintsBody } from '../../snapshot/shapes/constraints.ts';
import type { ClassifierBody, EmbeddingsBody, IntentsBody } from '../../snapshot/shapes/signals.ts';
import { known, type Reading, unknown } from '../reading.ts';
import { type AskedSignal, type Gathered, signalsOf } from '../signals.ts';
import { readLabel, readText } from './answers.ts';
import { AskedValues, type Tried } from './asked-value.ts';
import { classifierQuestion, labelNames } from './classifier-question.ts';
import { ExampleSets } from './examples.ts';
import { nearestIntent } from './nearest.ts';

/** What models are asked about. */
interface Subject {
  route: TableRoute;
  facts: RequestFacts;
  /** On whose behalf; undefined: nobody's. */
  parent: Exchange | undefined;
}

export interface ModelSignalsParts {
  ask: Ask;
  clock: Clock;
  /** What is demanded of whoever may see the request, by the rules that may still be the first. */
  demands: (route: TableRoute, facts: RequestFacts) => ConstraintsBody[];
}

/** What is asked adds instructions to a prompt, and is cut by a rougher estimate. */
const INPUT_SLACK = 4096;

export class ModelSignals {
  readonly #ask: Ask;
  readonly #clock: Clock;
  readonly #demands: ModelSignalsParts['demands'];
  readonly #examples: ExampleSets;
  readonly #values: AskedValues;

  constructor({ ask, clock, demands }: ModelSignalsParts) {
    this.#demands = demands;
    this.#ask = ask;
    this.#clock = clock;
    this.#examples = new ExampleSets(ask, clock);
    this.#values = new AskedValues(clock);
  }

  async gather(exchange: Exchange, route: TableRoute, asked: readonly AskedSignal[]): Promise<Gathered> {
    const { facts } = exchange;
    return facts ? await this.#gather({ route, facts, parent: exchange }, asked) : {};
  }

  read(route: TableRoute, facts: RequestFacts, asked: readonly AskedSignal[]): Promise<Gathered> {
    return this.#gather({ route, facts, parent: undefined }, asked);
  }

  async #gather(subject: Subject, asked: readonly AskedSignal[]): Promise<Gathered> {
    const { route, facts } = subject;
    const text = signalsOf(facts, route.signals).sample().last;
    const { intents, classifier } = route.signals;
    // Both at once: the request waits for the slower one only.
    const [intent, label] = await Promise.all([
      asked.includes('Intents') && intents?.embeddings
        ? this.#intent(subject, intents, intents.embeddings, text)
        : undefined,
      asked.includes('Classifier') && classifier ? this.#label(subject, classifier, text) : undefined,
    ]);
    return { ...(intent && { intent }), ...(label && { label }) };
  }

  peek(route: TableRoute, facts: RequestFacts, asked: readonly AskedSignal[]): Gathered {
    const text = signalsOf(facts, route.signals).sample().last;
    const { intents, classifier } = route.signals;
    const none = unknown('a model is asked for it; no answer to this text is remembered');
    return {
      ...(asked.includes('Intents') &&
        intents?.embeddings && { intent: this.#values.peek(intents, intents.embeddings, text) ?? none }),
      ...(asked.includes('Classifier') &&
        classifier && { label: this.#values.peek(classifier, classifier, text) ?? none }),
    };
  }

  #intent(
    subject: Subject,
    intents: IntentsBody,
    embeddings: EmbeddingsBody,
    text: string,
  ): Promise<Reading<string>> {
    if (text === '') return Promise.resolve(unknown('there is no text of the user'));
    return this.#values.read(intents, embeddings, text, async (sent): Promise<Tried> => {
      const body = {
        model: embeddings.target.model,
        input: [sent],
        ...(embeddings.dimensions !== undefined && { dimensions: embeddings.dimensions }),
      };
      const pending = this.#examples.get(subject.route, intents, embeddings);
      if ('failed' in pending) return { reading: unknown(pending.failed), later: true };
      // The prompt waits for its own vector and for those of the examples at once, and for neither beyond its time.
      const [asked, examples] = await Promise.all([
        this.#put(subject, 'Intents', 'Embeddings', body, embeddings),
        this.#within(embeddings.timeoutMs, pending),
      ]);
      if (!asked.ok) return { reading: unknown(asked.detail), later: asked.why === 'Cancelled' };
      if ('failed' in examples) return { reading: unknown(examples.failed), later: true };
      const [vector] = readVectors(asked.answer, 1) ?? [];
      return {
        reading: vector
          ? nearestIntent(vector, examples.vectors, intents)
          : unknown('the answer is no vector'),
      };
    });
  }

  #label(subject: Subject, classifier: ClassifierBody, text: string): Promise<Reading<string>> {
    if (text === '') return Promise.resolve(unknown('there is no text of the user'));
    return this.#values.read(classifier, classifier, text, async (sent): Promise<Tried> => {
      const target = subject.route.asking.Classifier?.stateful;
      if (!target?.provider) return { reading: unknown('the classifier has no provider here') };
      const { type } = target.provider;
      const body = classifierQuestion(classifier, sent, type, target.models?.find(target.body.model ?? ''));
      const asked = await this.#put(subject, 'Classifier', 'Chat', body, classifier);
      if (!asked.ok) return { reading: unknown(asked.detail), later: asked.why === 'Cancelled' };
      const answer = readText(asked.answer);
      const label = answer === undefined ? undefined : readLabel(answer, labelNames(classifier));
      return {
        reading: label === undefined ? unknown('the answer is no label') : known(label, `label ${label}`),
      };
    });
  }

  #put(
    { route, facts, parent }: Subject,
    purpose: Question['purpose'],
    dialect: Question['dialect'],
    body: object,
    { timeoutMs, maxInputTokens }: { timeoutMs: number; maxInputTokens: number },
  ): ReturnType<Ask> {
    const rule = route.asking[purpose];
    if (!rule) return Promise.resolve({ ok: false, why: 'Refused', detail: 'the route names no model' });
    return this.#ask({
      purpose,
      route,
      rule,
      dialect,
      body,
      timeoutMs,
      maxInputTokens: maxInputTokens + INPUT_SLACK,
      demands: this.#demands(route, facts),
      classification: facts.classification,
      ...(parent && { parent }),
    });
  }

  #within<T>(ms: number, value: T | Promise<T>): T | Promise<T | { failed: string }> {
    if (!(value instanceof Promise)) return value;
    return new Promise((resolve) => {
      const timer = this.#clock.after(ms, () =>
        resolve({ failed: 'the vectors of the examples are not there yet' }),
      );
      void value.then((made) => {
        timer.cancel();
        resolve(made);
        return undefined;
      });
    });
  }
}
