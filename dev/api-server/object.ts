/** Kubernetes objects as plain JSON. Objects in the store are replaced, never changed in place. */
import { isDeepStrictEqual } from 'node:util';

export type Fields = Record<string, unknown>;

export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string | null;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  managedFields?: Fields[];
  [field: string]: unknown;
}

export interface ApiObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Whether a value is null or a container of nothing. */
export const isHollow = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.keys(value).length === 0);
export const equal = isDeepStrictEqual;
type Mapped<T> = Record<string, T>;
export const mapFields = <T, U>(fields: Mapped<T>, change: (value: T) => U): Mapped<U> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, change(value)]));
/** `fields` without some of its members. */
export const omit = <T extends Fields>(fields: T, ...names: string[]): T =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name))) as T;
/** Any JSON value in a message: text as it is, nothing as nothing. */
export const spell = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
/** RFC 3339 with whole seconds, as `metav1.Time` is written. */
export const timestamp = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');
