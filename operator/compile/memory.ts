/**
 * What the last compilation made, so that the next one makes only what changed. It saves time and nothing else: with it and
 * without it the results are the same, byte for byte.
 */
import type { LLMRoute } from '../../crds/llmroute.ts';
import type { ItemId, Snapshot, SnapshotItem } from '../../sidecar/snapshot/schema.ts';
import type { CompiledRoute } from './compiled-route.ts';
import { samePolicies } from './policed.ts';
import type { PolicySource } from './policy-source.ts';
import type { ProviderIndex } from './provider-index.ts';
import type { CompiledProvider } from './provider-item.ts';

/** Everything besides its own object that a compiled route is made of. */
export interface Surroundings {
  index: ProviderIndex;
  providers: ReadonlyMap<ItemId, CompiledProvider>;
  /** Labels of namespaces and platform rights, as text. */
  namespaces: string;
}

/** A group's snapshot in each version of the contract, and what it was made of. */
export interface MadeSnapshot {
  routes: readonly CompiledRoute[];
  providers: readonly SnapshotItem[];
  byVersion: Map<number, Snapshot>;
}

export class CompileMemory {
  #surroundings: Surroundings | undefined;
  #madeIn: Surroundings | undefined;
  #routes: ReadonlyMap<LLMRoute, CompiledRoute> = new Map();
  #snapshots: ReadonlyMap<string, MadeSnapshot> = new Map();

  /** The surroundings of last time where nothing differs that a route could see; else these, with all of last time that is equal. */
  settle(next: Surroundings): Surroundings {
    const last = this.#surroundings;
    if (!last) {
      this.#surroundings = next;
      return next;
    }
    const providers = new Map<ItemId, CompiledProvider>();
    for (const [id, provider] of next.providers) {
      const known = last.providers.get(id);
      providers.set(id, known && sameProvider(known, provider) ? known : provider);
    }
    const isSame =
      last.namespaces === next.namespaces &&
      last.providers.size === providers.size &&
      [...providers].every(([id, provider]) => last.providers.get(id) === provider);
    this.#surroundings = isSame ? last : { ...next, providers };
    return this.#surroundings;
  }

  /**
   * @param sources in the order wanted
   * @param policiesOver those that a route is under
   * @param make called for each that is new or under other policies, or all where the surroundings are new
   */
  routes<Source extends { object: LLMRoute }>(
    sources: readonly Source[],
    surroundings: Surroundings,
    policiesOver: (source: Source) => readonly PolicySource[],
    make: (source: Source, policies: readonly PolicySource[]) => CompiledRoute,
  ): CompiledRoute[] {
    const areKnown = surroundings === this.#madeIn;
    const last = this.#routes;
    const routes = sources.map((source) => {
      const known = last.get(source.object);
      const policies = policiesOver(source);
      if (known && areKnown && samePolicies(known.policies, policies)) return known;
      const made = make(source, policies);
      return known && sameRoute(known, made) ? known : made;
    });
    this.#routes = new Map(routes.map((route) => [route.source.object, route]));
    this.#madeIn = surroundings;
    return routes;
  }

  /** Snapshots by key of their group: those of last time are found in it, those asked for now are kept for the next. */
  snapshots(): (
    key: string,
    routes: readonly CompiledRoute[],
    providers: readonly SnapshotItem[],
  ) => Map<number, Snapshot> {
    const last = this.#snapshots;
    const now = new Map<string, MadeSnapshot>();
    this.#snapshots = now;
    return (key, routes, providers) => {
      let made = now.get(key);
      if (!made) {
        const known = last.get(key);
        const isSame = known && sameList(known.routes, routes) && sameList(known.providers, providers);
        made = isSame ? known : { routes, providers, byVersion: new Map() };
        now.set(key, made);
      }
      return made.byVersion;
    };
  }
}

const sameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((each, i) => each === b[i]);

const sameText = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function sameProvider(a: CompiledProvider, b: CompiledProvider): boolean {
  return (
    a.source.object === b.source.object &&
    (a.item === b.item ||
      (a.item?.body === undefined && b.item?.body === undefined && sameText(a.item, b.item))) &&
    a.models === b.models &&
    sameText(a.problems, b.problems)
  );
}

function sameRoute(a: CompiledRoute, b: CompiledRoute): boolean {
  const { body: bodyA, ...headerA } = a.item;
  const { body: bodyB, ...headerB } = b.item;
  return (
    bodyA === bodyB &&
    samePolicies(a.policies, b.policies) &&
    sameText(headerA, headerB) &&
    sameText(a.named, b.named) &&
    sameText(a.problems, b.problems) &&
    sameText(usesOf(a), usesOf(b))
  );
}

const usesOf = ({ uses }: CompiledRoute) => [...uses].map(([id, { credentials }]) => [id, ...credentials]);
