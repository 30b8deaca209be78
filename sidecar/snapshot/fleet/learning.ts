/** Topics `adaptive` and `quality`: what pods learned of targets and heard of answers, as sums that can be added up. */

/** Numbers of an arm: see `sidecar/routing/learning/arm.ts`, which knows what each of them is. */
export const SUMS = 10;
/** Attempts that went well and badly, and scores, are numbers 0, 1, and 2 with their sum 3. */
export const SUM_OF = { served: 0, failed: 1, scores: 2, score: 3 } as const;

/** What was learned of one target in one kind of request of a rule. */
export interface ArmEntry {
  /** `<namespace>/<route> <rule>`. */
  readonly rule: string;
  readonly context: number;
  readonly target: string;
  readonly sums: readonly number[];
}

/** Feedback on one model for one task. */
export interface QualityEntry {
  /** `provider/<namespace>/<name>`. */
  readonly provider: string;
  readonly model: string;
  readonly task: string;
  readonly n: number;
  /** 0 to n. */
  readonly sum: number;
}

/** Entries of one report, and of the hints of one pod: they fit beside the other topics. */
export const MAX_ARM_ENTRIES = 120;
export const MAX_QUALITY_ENTRIES = 120;
const MAX_TEXT = 640;
const MAX_CONTEXT = 1000;
const MOST = 1e15;

export const writeArms = (entries: readonly ArmEntry[]): unknown[] =>
  entries.map(({ rule, context, target, sums }) => [rule, context, target, sums.map(short)]);

/** Undefined: not of the agreed form. */
export function readArms(value: unknown): ArmEntry[] | undefined {
  return readList(value, MAX_ARM_ENTRIES, (entry) => {
    const [rule, context, target, sums] = entry;
    const read = readSums(sums);
    if (!isText(rule) || !isText(target) || !isCount(context, MAX_CONTEXT) || !read) return undefined;
    return { rule, context, target, sums: read };
  });
}

export const writeQuality = (entries: readonly QualityEntry[]): unknown[] =>
  entries.map(({ provider, model, task, n, sum }) => [provider, model, task, short(n), short(sum)]);

/** Undefined: not of the agreed form. */
export function readQuality(value: unknown): QualityEntry[] | undefined {
  return readList(value, MAX_QUALITY_ENTRIES, (entry) => {
    const [provider, model, task, n, sum] = entry;
    if (!isText(provider) || !isText(model) || !isText(task) || !isAmount(n)) return undefined;
    // A correction may take back more than was said since.
    if (typeof sum !== 'number' || !(Math.abs(sum) <= MOST) || sum > n + SLACK) return undefined;
    return { provider, model, task, n, sum };
  });
}

function readSums(value: unknown): number[] | undefined {
  if (!Array.isArray(value) || value.length !== SUMS || !value.every(isAmount)) return undefined;
  const sums: number[] = value;
  return (sums[SUM_OF.score] as number) <= (sums[SUM_OF.scores] as number) * (1 + SLACK) + SLACK
    ? sums
    : undefined;
}

/** Four digits are rounded. */
const SLACK = 0.001;
const short = (value: number): number => Number(value.toPrecision(4));

function readList<T>(
  value: unknown,
  most: number,
  read: (entry: unknown[]) => T | undefined,
): T[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined;
  const entries: T[] = [];
  for (const each of value as unknown[]) {
    const entry = Array.isArray(each) ? read(each as unknown[]) : undefined;
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  return entries;
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT;
const isCount = (value: unknown, most: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
const isAmount = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= MOST;
