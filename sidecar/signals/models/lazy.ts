/** Signals that ask models, for sidecars of which few do: their code is loaded with the first request that needs it. */
import { possibleDemands } from '../../routing/asked-signals.ts';
import type { SignalModels } from '../stage.ts';
import type { ModelSignals, ModelSignalsParts } from './models.ts';

export class LazyModels implements SignalModels {
  readonly #parts: ModelSignalsParts;
  #loaded: ModelSignals | undefined;

  constructor(parts: Omit<ModelSignalsParts, 'demands'>) {
    // Handed over and not imported there: what matches rules must not become a part that is loaded apart.
    this.#parts = { ...parts, demands: possibleDemands };
  }

  async gather(...args: Parameters<SignalModels['gather']>): ReturnType<SignalModels['gather']> {
    const models = this.#loaded ?? (await this.#load());
    return models.gather(...args);
  }

  async read(...args: Parameters<SignalModels['read']>): ReturnType<SignalModels['read']> {
    const models = this.#loaded ?? (await this.#load());
    return models.read(...args);
  }

  async peek(...args: Parameters<SignalModels['peek']>): ReturnType<SignalModels['peek']> {
    const models = this.#loaded ?? (await this.#load());
    return models.peek(...args);
  }

  async #load(): Promise<ModelSignals> {
    const { ModelSignals } = await import('./models.ts');
    this.#loaded ??= new ModelSignals(this.#parts);
    return this.#loaded;
  }
}
