/** The instruments of the table as they exist in one process, and the page that shows them. */
import type { Metric } from 'prom-client';
import Registry from 'prom-client/lib/registry.js';
import { enabled, INSTRUMENTS, type Instrument, type InstrumentKey, type Semconv } from './instruments.ts';
import {
  CounterSeries,
  Family,
  HistogramSeries,
  MoneySeries,
  type Sample,
  SERIES_LIMIT,
  type Series,
  type SeriesBudget,
} from './series.ts';

type Keys<T extends Instrument['type']> = {
  [K in InstrumentKey]: (typeof INSTRUMENTS)[K]['type'] extends T ? K : never;
}[InstrumentKey];
type MoneyKey = 'cost' | 'experimentCost' | 'cacheSaved';
export type CounterKey = Exclude<Keys<'counter'>, MoneyKey>;
export type HistogramKey = Keys<'histogram'>;
/** Instruments that are read when the page is asked for. */
export type ReadKey = Exclude<Keys<'gauge'>, 'canaryPercent'> | 'cpu' | 'logDropped';

export class Meter {
  readonly #semconv: Semconv;
  readonly #budget: SeriesBudget;
  readonly #registry = new Registry();
  readonly #families: Family<Series>[] = [];

  /** `semconv` chooses the GenAI names; `limit` is the number of lines of the page. */
  constructor(semconv: Semconv, limit = SERIES_LIMIT) {
    this.#semconv = semconv;
    this.#budget = { limit, used: 0 };
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Lines in use or set aside. */
  get used(): number {
    return this.#budget.used;
  }

  counter(key: CounterKey): Family<CounterSeries> {
    return this.#family(INSTRUMENTS[key], () => new CounterSeries());
  }

  money(key: MoneyKey): Family<MoneySeries> {
    return this.#family(INSTRUMENTS[key], () => new MoneySeries());
  }

  /** A gauge that is set where it changes. */
  gauge(key: 'canaryPercent'): Family<CounterSeries> {
    return this.#family(INSTRUMENTS[key], () => new CounterSeries());
  }

  histogram(key: HistogramKey): Family<HistogramSeries> {
    const { buckets } = INSTRUMENTS[key];
    return this.#family(INSTRUMENTS[key], () => new HistogramSeries(buckets));
  }

  /** A GenAI instrument; undefined where the chosen set of names has it not. */
  chosenCounter(key: CounterKey): Family<CounterSeries> | undefined {
    return enabled(INSTRUMENTS[key], this.#semconv) ? this.counter(key) : undefined;
  }

  chosenHistogram(key: HistogramKey): Family<HistogramSeries> | undefined {
    return enabled(INSTRUMENTS[key], this.#semconv) ? this.histogram(key) : undefined;
  }

  /** A number that exists elsewhere; undefined leaves the line out. */
  read(key: ReadKey, value: () => number | undefined, labels: Record<string, string> = {}): void {
    this.#budget.used++;
    this.#show(INSTRUMENTS[key], () => {
      const now = value();
      return now === undefined ? [] : [{ labels, value: now }];
    });
  }

  keepOnly(keep: (instrument: Instrument, values: readonly string[]) => boolean): void {
    for (const family of this.#families) family.keepOnly(keep);
  }

  page(): Promise<string> {
    return this.#registry.metrics();
  }

  #family<S extends Series>(instrument: Instrument, make: () => S): Family<S> {
    const family = new Family(instrument, this.#budget, make);
    this.#families.push(family);
    this.#show(instrument, () => family.samples());
    return family;
  }

  /** Of a metric that it does not observe itself, prom-client's registry needs the name and this one method. */
  #show(instrument: Instrument, samples: () => Sample[]): void {
    const { name, help, type } = instrument;
    const metric = {
      name,
      get: async () => ({ name, help, type, aggregator: 'sum', values: samples() }),
    };
    this.#registry.registerMetric(metric as unknown as Metric);
  }
}
