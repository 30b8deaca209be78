/** What the server knows about a kind: names, schema, where it is served, what is special about it. */
import type { PrinterColumn } from '../../../crds/definitions.ts';
import type { StructuralSchema } from '../../../crds/structural.ts';
import type { ApiObject } from '../object.ts';

export interface Schema
  extends Omit<StructuralSchema, 'properties' | 'additionalProperties' | 'items' | 'format'> {
  format?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  items?: Schema;
  'x-kubernetes-map-type'?: 'atomic';
}

/** A column of `kubectl get`. Type `count` shows how many members there are. */
export type Column = Pick<PrinterColumn, 'name' | 'jsonPath'> &
  Partial<Pick<PrinterColumn, 'description' | 'priority'>> & { type: PrinterColumn['type'] | 'count' };

export interface Kind {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames: string[];
  categories: string[];
  namespaced: boolean;
  /** Whether a CustomResourceDefinition brought it: no strategic patch, and PUT needs a resourceVersion. */
  custom: boolean;
  /** Of the whole object, metadata included. */
  schema: Schema;
  status: boolean;
  /** Whether metadata.generation counts changes of anything but metadata and status. */
  generation: boolean;
  columns: Column[];
  /** Whether PUT creates what does not exist. */
  createOnUpdate?: boolean;
  strategicPatch?: boolean;
  /** Fields besides metadata.name and metadata.namespace that a field selector may name, with their JSONPath. */
  selectable?: Record<string, string>;
  /** Normalises an object before it is validated and stored. */
  prepare?: (object: ApiObject) => void;
  /** What a new object has from the start. */
  initial?: Record<string, unknown>;
}

export const apiVersionOf = (kind: Pick<Kind, 'group' | 'version'>): string =>
  kind.group ? `${kind.group}/${kind.version}` : kind.version;
/** `llmroutes.outrider.dev`: how messages name the resource. */
export const resourceName = (kind: Pick<Kind, 'group' | 'plural'>): string =>
  kind.group ? `${kind.plural}.${kind.group}` : kind.plural;
