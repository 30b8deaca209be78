/** Which pods probe a provider for all: at most three, the same as long as they are there. */
import type { HintAudience } from '../topic.ts';

const MAX_PROBERS = 3;
/** A prober that was not heard of for this long is replaced. */
const GONE_MS = 60_000;
const MAX_PROVIDERS = 4_096;

export class Probers {
  /** By provider: uids, and when each was heard of last. */
  readonly #byProvider = new Map<string, Map<string, number>>();

  /** Providers that the pod of the audience is to probe from now on. */
  of({ pod, snapshot }: HintAudience, now: number): string[] {
    const named: string[] = [];
    for (const item of snapshot.items) {
      if (item.kind !== 'Provider' || !item.body?.active) continue;
      if (this.#names(item.id, pod.uid, now)) named.push(item.id);
    }
    return named;
  }

  forget(uid: string): void {
    for (const [id, pods] of this.#byProvider) {
      pods.delete(uid);
      if (pods.size === 0) this.#byProvider.delete(id);
    }
  }

  #names(id: string, uid: string, now: number): boolean {
    let pods = this.#byProvider.get(id);
    if (!pods) {
      if (this.#byProvider.size >= MAX_PROVIDERS) return false;
      this.#byProvider.set(id, (pods = new Map()));
    }
    for (const [other, at] of pods) if (now - at > GONE_MS) pods.delete(other);
    if (!pods.has(uid) && pods.size >= MAX_PROBERS) return false;
    pods.set(uid, now);
    return true;
  }
}
