/**
 * Condition Healthy of a provider, from what all pods say of it. PURE but for what it remembers: a condition is watched by
 * people and programs, so what is new must hold for a while before it is said.
 */
import type { Condition } from '../../../crds/common.ts';
import type { ProviderStanding } from './topic.ts';

export interface Health {
  status: Condition['status'];
  reason: string;
  message: string;
}

/** True: pods that call it get answers. */
const ANSWERING = 'Answering';
/** True: pods get answers, and several see it grow slower or fail more from minute to minute. */
const WORSENING = 'Worsening';
/** False: most pods that call it get none, from the provider as a whole or from some model. */
const DOWN = 'Down';
/** False: answers take at least twice as long as they use to. */
const SLOW = 'Slow';
/** Unknown: it was called before, and nobody has called it for some minutes. */
const NO_TRAFFIC = 'NoTraffic';

/** How long something must hold in milliseconds before it is said. */
const HOLDS: Readonly<Record<string, number>> = {
  [ANSWERING]: 30_000,
  [WORSENING]: 60_000,
  [DOWN]: 10_000,
  [SLOW]: 30_000,
  [NO_TRAFFIC]: 300_000,
};
const MAX_NAMED = 5;
const MIN_WORSENING = 2;
const MAX_KNOWN = 8_192;

interface Known {
  said: Health;
  next: string;
  since: number;
}

export class HealthBook {
  readonly #known = new Map<string, Known>();

  /** Undefined: nobody has said anything of it yet. `standing` is that of all models of the provider; `now` is monotonic. */
  of(provider: string, standing: readonly ProviderStanding[], now: number): Health | undefined {
    let known = this.#known.get(provider);
    const seen = judge(standing);
    if (!known) {
      if (seen.reason === NO_TRAFFIC) return undefined;
      // Providers come and go with their resources; forgetting what was said costs a few seconds.
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
      known = { said: seen, next: seen.reason, since: now };
      this.#known.set(provider, known);
    }
    if (seen.reason !== known.next) [known.next, known.since] = [seen.reason, now];
    const holds = HOLDS[seen.reason] ?? 0;
    if (seen.reason === known.said.reason || now - known.since >= holds) known.said = seen;
    return known.said;
  }
}

function judge(standing: readonly ProviderStanding[]): Health {
  const heard = standing.filter(({ summary }) => summary.all.heard > 0);
  if (heard.length === 0) {
    return { status: 'Unknown', reason: NO_TRAFFIC, message: 'no pod has called it for some minutes' };
  }
  const down = heard.filter(({ summary: { all } }) => 2 * all.down > all.heard);
  if (down.length > 0)
    return { status: 'False', reason: DOWN, message: `${listed(down, 'down')} find it down` };
  const slow = heard.filter(({ summary: { all } }) => 2 * all.slow > all.heard);
  if (slow.length > 0) {
    return {
      status: 'False',
      reason: SLOW,
      message: `${listed(slow, 'slow')} find it at least twice as slow as usual`,
    };
  }
  const worse = heard.filter(({ summary: { worsening } }) => worsening >= MIN_WORSENING);
  if (worse.length > 0) {
    return { status: 'True', reason: WORSENING, message: `${listed(worse, 'worse')} see it getting worse` };
  }
  return { status: 'True', reason: ANSWERING, message: `${listed(heard, 'heard')} called it lately` };
}

function listed(list: readonly ProviderStanding[], what: 'down' | 'slow' | 'worse' | 'heard'): string {
  const sorted = list.toSorted((a, b) => (a.model < b.model ? -1 : 1));
  const named = sorted.slice(0, MAX_NAMED).map(({ model, summary: { all, worsening, p50 } }) => {
    const count = what === 'worse' ? worsening : all[what];
    const pods = what === 'heard' ? `${count} pods` : `${count} of ${all.heard} pods`;
    const pace = p50 === undefined ? '' : ` (half of the answers within ${Math.round(p50)} ms)`;
    return `${model === '' ? 'endpoint' : model}: ${pods}${what === 'down' ? '' : pace}`;
  });
  const more = sorted.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more models` : '');
}
