/** Which budgets a pod may charge: those of the routes in the very snapshot that it should run. */
import type { ItemId, RouteItem, Snapshot } from '../../../sidecar/snapshot/schema.ts';
import type { BudgetBody } from '../../../sidecar/snapshot/shapes/budgets.ts';
import type { Compiled, Workload } from '../../compile/types.ts';

export class PodBudgets {
  readonly #pod: (uid: string) => Workload | undefined;
  #compiled: Pick<Compiled, 'snapshotFor'> | undefined;
  #found = new WeakMap<Snapshot, ReadonlyMap<string, BudgetBody>>();
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
  }

  /** The budget of that id, with the amounts it has now; undefined where the pod runs no route under it. */
  find(uid: string, id: string): BudgetBody | undefined {
    const pod = this.#pod(uid);
    if (!pod || !this.#compiled) return undefined;
    const snapshot = this.#compiled.snapshotFor(pod);
    let budgets = this.#found.get(snapshot);
    if (!budgets) {
      budgets = new Map(
        snapshot.items.flatMap((item) =>
          item.kind === 'Route' ? this.#of(item).map((budget) => [budget.id, budget] as const) : [],
        ),
      );
      this.#found.set(snapshot, budgets);
    }
    return budgets.get(id);
  }

  #of({ id, state, body }: RouteItem): BudgetBody[] {
    if (state === 'Invalid') return this.#last.get(id) ?? [];
    const budgets = body?.budgets ?? [];
    if (budgets.length > 0) this.#last.set(id, budgets);
    else this.#last.delete(id);
    return budgets;
  }
}
