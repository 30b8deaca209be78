/** Whom usage of a route is charged to in reports; nothing is limited by it. */

export interface ChargebackBody {
  /** Values are joined by `/`. */
  key: ChargebackPart[];
}

export type ChargebackPart =
  | { by: 'Workload' }
  /** Lower-case name of a header of the caller's request; absent: empty. */
  | { by: 'Header'; header: string };
