/** The Pod cache, as a list that tests change. */
import type { LivePod, PodLookup } from '../../../../operator/sync/pods.ts';

export class ListedPods implements PodLookup {
  readonly #pods = new Map<string, LivePod>();
  readonly #listeners = new Set<(uid: string) => void>();

  get(uid: string): LivePod | undefined {
    return this.#pods.get(uid);
  }

  onChange(listener: (uid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Adds the pod, or replaces it with other labels. */
  set(pod: LivePod): LivePod {
    this.#pods.set(pod.uid, pod);
    this.#notify(pod.uid);
    return pod;
  }

  delete(uid: string): void {
    this.#pods.delete(uid);
    this.#notify(uid);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  #notify(uid: string): void {
    for (const listener of this.#listeners) listener(uid);
  }
}

export function podNamed(name: string, labels: Record<string, string> = {}, namespace = 'shop'): LivePod {
  return { namespace, name, uid: `uid-${namespace}-${name}`, labels };
}
