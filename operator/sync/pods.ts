/** What `sync` asks of the Pod cache: the pods that live now, by uid. Implemented over the informer, or by a list. */

export interface LivePod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PodLookup {
  get(uid: string): LivePod | undefined;
  /** Called after the pod appeared, changed its labels or went away; returns the way to stop listening. */
  onChange(listener: (uid: string) => void): () => void;
}
