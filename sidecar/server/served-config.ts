/** What the running snapshot means for requests, worked out once per swap: the routing table, and the list of models. */
import type { ListedModel } from '../dialects/family.ts';
import { buildTable, type RoutingTable } from '../routing/table.ts';
import type { EffectiveSnapshot } from '../snapshot/effective.ts';
import { listModels } from './models.ts';

export class ServedConfig {
  /** Undefined until the first snapshot. */
  table: RoutingTable | undefined = undefined;
  private effective: EffectiveSnapshot | undefined = undefined;
  private listed: readonly ListedModel[] | undefined = undefined;

  swap(effective: EffectiveSnapshot): void {
    this.table = buildTable(effective);
    this.effective = effective;
    this.listed = undefined;
  }

  /** Undefined until the first snapshot. */
  get models(): readonly ListedModel[] | undefined {
    this.listed ??= this.effective && listModels(this.effective);
    return this.listed;
  }
}
