/** One part of what is done to a pod. Nothing is left to do where it was done before. */
import type { Operation } from '../json-patch.ts';
import type { InjectionSettings } from '../settings.ts';
import type { Subject } from '../subject.ts';

export interface Step {
  operations(subject: Subject): Operation[];
  /** A CEL expression that gives the same operations: a list of JSONPatch. */
  cel(settings: InjectionSettings): string;
}
