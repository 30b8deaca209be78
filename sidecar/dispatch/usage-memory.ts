/** Which models' streams may be asked for usage: some servers refuse the option, and then they are not asked again. */
import type { Candidate } from '../routing/plan.ts';

const MAX_REMEMBERED = 1024;

export class UsageMemory {
  readonly #refused = new Set<string>();

  mayAsk(candidate: Candidate): boolean {
    return candidate.provider.streamUsage === 'OnRequest' && !this.#refused.has(keyOf(candidate));
  }

  refused(candidate: Candidate): void {
    const [oldest] = this.#refused.size >= MAX_REMEMBERED ? this.#refused : [];
    if (oldest !== undefined) this.#refused.delete(oldest);
    this.#refused.add(keyOf(candidate));
  }

  clear(): void {
    this.#refused.clear();
  }
}

const keyOf = (candidate: Candidate): string => `${candidate.providerId} ${candidate.upstreamModel}`;
