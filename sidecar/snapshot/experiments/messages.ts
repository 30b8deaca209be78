/** Topic `experiments`: results by arm, as each pod reports them, and how far canaries are, as pods are told. JSON. */
import { type ArmTotals, members, readTotals } from './arm-totals.ts';
import type { CanaryPhase } from './canary.ts';

/** Experiments in one report, arms of each, and experiments in one hint. */
const MAX_EXPERIMENTS = 64;
const MAX_ARMS = 16;
const MAX_NAME = 512;
const MAX_REASON = 512;

export interface ExperimentReport {
  /** `namespace/name` of the route and name of the experiment, with a space between. */
  key: string;
  /** Share of the canary's arm while it was counted; absent without a canary. */
  percent?: number;
  /** Since the last report; in the first ones of a term, since the pod began. */
  arms: Record<string, ArmTotals>;
  /** Of the leader that the pod counts for, as it was told; 0: not told yet. Absent: a pod that knows of no terms. */
  term?: number;
  /** The pod's own evidence sent its canary back, and why. */
  breach?: string;
}

export interface ExperimentsReport {
  experiments: ExperimentReport[];
}

export interface ExperimentHint {
  key: string;
  /** Pods that the experiment runs in: each spends its share of what copies may cost. */
  pods: number;
  /** Of the canary; absent without one. */
  percent?: number;
  phase?: CanaryPhase;
  /** Grows with every leader, which begins to count with nothing: a pod that hears of a new one reports once more all that it has. */
  term?: number;
}

export interface ExperimentHints {
  experiments: ExperimentHint[];
}

/** Undefined: not of the agreed form. */
export function readExperimentsReport(value: unknown): ExperimentsReport | undefined {
  const experiments = listOf(value, readReport);
  return experiments && { experiments };
}

/** Undefined: not of the agreed form. */
export function readExperimentHints(value: unknown): ExperimentHints | undefined {
  const experiments = listOf(value, readHint);
  return experiments && { experiments };
}

function listOf<T>(value: unknown, read: (entry: unknown) => T | undefined): T[] | undefined {
  const { experiments } = members(value);
  if (!Array.isArray(experiments) || experiments.length > MAX_EXPERIMENTS) return undefined;
  const entries: T[] = [];
  for (const entry of experiments) {
    const one = read(entry);
    if (one === undefined) return undefined;
    entries.push(one);
  }
  return entries;
}

function readReport(value: unknown): ExperimentReport | undefined {
  const { key, percent, arms, breach, term } = members(value);
  const names = Object.keys(members(arms));
  if (!isText(key, MAX_NAME) || names.length > MAX_ARMS) return undefined;
  if (percent !== undefined && !isPercent(percent)) return undefined;
  if (breach !== undefined && !isText(breach, MAX_REASON)) return undefined;
  if (term !== undefined && !isTerm(term)) return undefined;
  const totals: Record<string, ArmTotals> = {};
  for (const name of names) {
    const read = readTotals(members(arms)[name]);
    if (!read || !isText(name, MAX_NAME) || name === '__proto__') return undefined;
    totals[name] = read;
  }
  return {
    key,
    arms: totals,
    ...(percent !== undefined && { percent }),
    ...(breach !== undefined && { breach }),
    ...(term !== undefined && { term }),
  };
}

const PHASES: readonly unknown[] = ['Progressing', 'Complete', 'RolledBack'] satisfies CanaryPhase[];

function readHint(value: unknown): ExperimentHint | undefined {
  const { key, pods, percent, phase, term } = members(value);
  if (!isText(key, MAX_NAME) || !Number.isSafeInteger(pods) || (pods as number) < 1) return undefined;
  if (term !== undefined && !isTerm(term)) return undefined;
  const hint: ExperimentHint = { key, pods: pods as number, ...(term !== undefined && { term }) };
  if (percent === undefined) return hint;
  if (!isPercent(percent) || !PHASES.includes(phase)) return undefined;
  return { ...hint, percent, phase: phase as CanaryPhase };
}

export const cutReason = (reason: string): string => reason.slice(0, MAX_REASON);

const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= max;
const isTerm = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isPercent = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 100;
