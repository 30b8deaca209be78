/**
 * Series of the metrics: numbers that the request path adds to directly, without looking anything up. prom-client sees
 * them when it is asked for the page.
 */
import { type Instrument, linesPerSeries } from './instruments.ts';

/** Lines of the page, overflow series included. */
export const SERIES_LIMIT = 2000;
export const OVERFLOW = '_OVERFLOW';

export interface Sample {
  labels: Record<string, string>;
  value: number;
  metricName?: string;
}

export interface Series {
  write(name: string, labels: Record<string, string>, into: Sample[]): void;
}

export class CounterSeries implements Series {
  value = 0;

  write(_name: string, labels: Record<string, string>, into: Sample[]): void {
    into.push({ labels, value: this.value });
  }
}

/** US dollars, exact inside: only the page has floats. */
export class MoneySeries implements Series {
  nano = 0n;

  write(_name: string, labels: Record<string, string>, into: Sample[]): void {
    into.push({ labels, value: Number(this.nano) / 1e9 });
  }
}

export class HistogramSeries implements Series {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && value > (bounds[i] as number)) i++;
    (this.#counts[i] as number)++;
    this.#sum += value;
  }

  /** Takes in what was observed elsewhere, by the same bounds. */
  add(counts: readonly number[], sum: number): void {
    for (let i = 0; i < this.#counts.length; i++) (this.#counts[i] as number) += counts[i] as number;
    this.#sum += sum;
  }

  write(name: string, labels: Record<string, string>, into: Sample[]): void {
    const metricName = `${name}_bucket`;
    let total = 0;
    for (let i = 0; i <= this.#bounds.length; i++) {
      total += this.#counts[i] as number;
      const le = i === this.#bounds.length ? '+Inf' : String(this.#bounds[i]);
      into.push({ metricName, labels: { ...labels, le }, value: total });
    }
    into.push({ metricName: `${name}_sum`, labels, value: this.#sum });
    into.push({ metricName: `${name}_count`, labels, value: total });
  }
}

/** Lines in use by all instruments of a process. */
export interface SeriesBudget {
  readonly limit: number;
  used: number;
}

type Branch<S> = Map<string, Branch<S> | Leaf<S>>;
interface Leaf<S> {
  readonly values: readonly string[];
  readonly series: S;
}

/**
 * All series of one instrument. They are found by walking from label to label: label values are few and long-lived, so
 * this is a handful of pointer look-ups, where a joined key would be built and hashed for every number of every request.
 */
export class Family<S extends Series> {
  readonly instrument: Instrument;
  readonly #budget: SeriesBudget;
  readonly #make: () => S;
  readonly #lines: number;
  readonly #leaves = new Set<Leaf<S>>();
  #root: Branch<S> = new Map();
  #overflow: S | undefined;

  /** Room for the overflow series is set aside from the start, so the limit holds even when all of them exist. */
  constructor(instrument: Instrument, budget: SeriesBudget, make: () => S) {
    this.instrument = instrument;
    this.#budget = budget;
    this.#make = make;
    this.#lines = linesPerSeries(instrument);
    budget.used += this.#lines;
  }

  /** `values` in the order of the instrument's labels; the array may be reused afterwards. */
  with(values: readonly string[]): S {
    let branch: Branch<S> | undefined = this.#root;
    const last = values.length - 1;
    for (let i = 0; i < last && branch !== undefined; i++) {
      branch = branch.get(values[i] as string) as Branch<S> | undefined;
    }
    const leaf = branch?.get(values[last] as string) as Leaf<S> | undefined;
    return leaf === undefined ? this.#add(values) : leaf.series;
  }

  /** The series of an instrument without labels. */
  get only(): S {
    return (this.#overflow ??= this.#make());
  }

  #add(values: readonly string[]): S {
    if (this.#budget.used + this.#lines > this.#budget.limit) return this.only;
    this.#budget.used += this.#lines;
    const leaf = { values: [...values], series: this.#make() };
    this.#leaves.add(leaf);
    this.#plant(leaf);
    return leaf.series;
  }

  #plant(leaf: Leaf<S>): void {
    let branch = this.#root;
    for (const value of leaf.values.slice(0, -1)) {
      let next = branch.get(value) as Branch<S> | undefined;
      if (next === undefined) branch.set(value, (next = new Map()));
      branch = next;
    }
    branch.set(leaf.values.at(-1) as string, leaf);
  }

  /** Deletes the series that `keep` does not want. */
  keepOnly(keep: (instrument: Instrument, values: readonly string[]) => boolean): void {
    this.#root = new Map();
    for (const leaf of this.#leaves) {
      if (keep(this.instrument, leaf.values)) {
        this.#plant(leaf);
        continue;
      }
      this.#leaves.delete(leaf);
      this.#budget.used -= this.#lines;
    }
  }

  samples(): Sample[] {
    const { name, labels } = this.instrument;
    const samples: Sample[] = [];
    for (const { values, series } of this.#leaves) {
      const named: Record<string, string> = {};
      for (const [i, label] of labels.entries()) named[label] = values[i] as string;
      series.write(name, named, samples);
    }
    if (this.#overflow) {
      this.#overflow.write(name, Object.fromEntries(labels.map((l) => [l, OVERFLOW])), samples);
    }
    return samples;
  }
}
