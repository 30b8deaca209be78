/** Notes where prompts are cached, by what providers say of each answer. */
import type { Exchange, ExchangeObserver } from '../../exchange.ts';
import type { WarmMap } from './warm-map.ts';

export class Warmth implements ExchangeObserver {
  readonly #warm: WarmMap;

  constructor(warm: WarmMap) {
    this.#warm = warm;
  }

  completed({ plan, attempts, outcome }: Exchange): void {
    const affinity = plan?.affinity;
    const promptCache = plan?.rule.affinity?.promptCache;
    if (!affinity || !promptCache || !outcome) return;
    for (const { candidate, settlement, endedAt } of attempts) {
      if (settlement?.source !== 'Provider') continue;
      const at = endedAt ?? outcome.endedAt;
      this.#warm.note(affinity.number, candidate, settlement.usage, promptCache.ttlMs, at);
    }
  }
}
