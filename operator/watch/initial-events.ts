/** The first part of a WatchList stream: what exists, until a bookmark says that this was all of it. */
import type { KubeObject } from '../../crds/common.ts';
import { keyOf } from './store.ts';
import type { WatchEvent } from './watch-events.ts';
import { problemOf, versionOf } from './watch-problems.ts';

const END = 'k8s.io/initial-events-end';

export function isInitialEnd({ type, object }: WatchEvent): boolean {
  return type === 'BOOKMARK' && object.metadata?.annotations?.[END] === 'true';
}

export class InitialEvents<T extends KubeObject> {
  readonly #accept: (object: KubeObject) => T;
  /** Let go of once it is handed out: the stream goes on for minutes, and what it began with grows old. */
  #objects = new Map<string, T>();
  complete = false;

  constructor(accept: (object: KubeObject) => T) {
    this.#accept = accept;
  }

  /** Takes the next event; with the last one, answers everything that exists and the version it is of. */
  take(event: WatchEvent): { objects: Iterable<T>; resourceVersion: string } | undefined {
    const { type, object } = event;
    if (isInitialEnd(event)) {
      this.complete = true;
      const all = this.#objects;
      this.#objects = new Map();
      return { objects: all.values(), resourceVersion: versionOf(object) };
    }
    if (type === 'ERROR') throw problemOf(object);
    if (type === 'ADDED' || type === 'MODIFIED') {
      const accepted = this.#accept(object);
      this.#objects.set(keyOf(accepted), accepted);
    } else if (type === 'DELETED') {
      this.#objects.delete(keyOf(object));
    }
    return undefined;
  }
}
