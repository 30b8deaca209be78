/** Counts what a finished exchange says of its experiment and arm. Names of an older configuration are not counted any more. */
import type { PlannedArm } from '../routing/experiment/arms.ts';
import type { Finished } from './finished.ts';
import type { KnownNames } from './known-names.ts';
import type { Meter } from './meter.ts';
import type { CounterSeries, Family, HistogramSeries, MoneySeries } from './series.ts';

export class ExperimentRecorder {
  readonly #requests: Family<CounterSeries>;
  readonly #cost: Family<MoneySeries>;
  readonly #commit: Family<HistogramSeries>;
  readonly #copies: Family<CounterSeries>;
  readonly #canary: Family<CounterSeries>;

  constructor(meter: Meter) {
    this.#requests = meter.counter('experimentRequests');
    this.#cost = meter.money('experimentCost');
    this.#commit = meter.histogram('experimentCommit');
    this.#copies = meter.counter('experimentCopies');
    this.#canary = meter.gauge('canaryPercent');
  }

  /** `route` as it labels everything else. */
  record(finished: Finished, planned: PlannedArm, route: string, names: KnownNames): void {
    const experiment = planned.experiment.body.name;
    const arm = planned.arm.name;
    if (!names.arm(experiment, arm)) return;
    const labels = [route, experiment, arm];
    this.#requests.with([...labels, finished.result]).value++;
    if (finished.priced > 0) this.#cost.with(labels).nano += finished.costNanoUsd;
    if (finished.commitMs !== undefined) this.#commit.with(labels).observe(finished.commitMs / 1000);
    for (const result of finished.exchange.copies ?? []) {
      this.#copies.with([route, experiment, result]).value++;
    }
    if (planned.canary !== undefined) this.#canary.with([route, experiment]).value = planned.canary;
  }
}
