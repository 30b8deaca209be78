/** Every scenario, by the part of the API it is about; each part has one transcript. */
import type { Scenario } from '../support/scenario.ts';
import { apply } from './apply.ts';
import { builtin } from './builtin.ts';
import { crud } from './crud.ts';
import { discovery } from './discovery.ts';
import { list } from './list.ts';
import { patch } from './patch.ts';
import { statusScenarios } from './status.ts';
import { table } from './table.ts';
import { validation } from './validation.ts';
import { watch } from './watch.ts';

export const SCENARIOS: Record<string, Scenario[]> = {
  crud,
  list,
  watch,
  patch,
  apply,
  status: statusScenarios,
  validation,
  table,
  discovery,
  builtin,
};
