/** Which budgets a pod may charge: those of the routes in the very snapshot that it should run. */
import type { ItemId, RouteItem, Snapshot } from '../../../sidecar/snapshot/schema.ts';
import type { BudgetBody } from '../../../sidecar/snapshot/shapes/budgets.ts';
import type { Compiled, Workload } from '../../compile/types.ts';

type Found = ReadonlyMap<string, BudgetBody>;

export class PodBudgets {
  readonly #pod: (uid: string) => Workload | undefined;
  #compiled: Pick<Compiled, 'snapshotFor'> | undefined;
  #found = new WeakMap<Snapshot, Found>();
  /** Of pods that asked since the last update: finding the snapshot of one takes longer than looking into it. */
  readonly #byPod = new Map<string, { pod: Workload; found: Found }>();
  /**
   * Of routes that were valid: a route that is Invalid now goes on as it was in sidecars, and under the budgets that it had.
   * One entry for each route that pods ask about.
   */
  readonly #last = new Map<ItemId, BudgetBody[]>();

  /** @param pod a pod with a sidecar, by uid */
  constructor(pod: (uid: string) => Workload | undefined) {
    this.#pod = pod;
  }

  /** What holds from now on. */
  update(compiled: Pick<Compiled, 'snapshotFor'>): void {
    this.#compiled = compiled;
    this.#found = new WeakMap();
    this.#byPod.clear();
  }

  /** The budget of that id, with the amounts it has now; undefined where the pod runs no route under it. */
  find(uid: string, id: string): BudgetBody | undefined {
    const pod = this.#pod(uid);
    if (!pod || !this.#compiled) return undefined;
    const known = this.#byPod.get(uid);
    // Another object is another version of the pod, which may have other labels.
    if (known?.pod === pod) return known.found.get(id);
    const found = this.#in(this.#compiled.snapshotFor(pod));
    this.#byPod.set(uid, { pod, found });
    return found.get(id);
  }

  #in(snapshot: Snapshot): Found {
    let found = this.#found.get(snapshot);
    if (!found) {
      found = new Map(
        snapshot.items.flatMap((item) =>
          item.kind === 'Route' ? this.#of(item).map((budget) => [budget.id, budget] as const) : [],
        ),
      );
      this.#found.set(snapshot, found);
    }
    return found;
  }

  #of({ id, state, body }: RouteItem): BudgetBody[] {
    if (state === 'Invalid') return this.#last.get(id) ?? [];
    const budgets = body?.budgets ?? [];
    if (budgets.length > 0) this.#last.set(id, budgets);
    else this.#last.delete(id);
    return budgets;
  }
}
