/** Checks of budgets. */
import { all, type Check, distinct, integer, list, oneOf, only, shape, text, wrong } from '../check.ts';
import type { BudgetBody, BudgetKeyPart } from '../shapes/budgets.ts';

/** A team's own, and those of every policy over it. */
const MAX_BUDGETS = 64;
/** A request waits in memory, and its caller for it. */
const LONGEST_WAIT_MS = 600_000;

const nanoUsd = text(19, /^(0|[1-9][0-9]*)$/, 'whole nano-USD, in digits');
const id = text(
  640,
  /^(route|policy)\/[a-z0-9.-]+\/[a-z0-9.-]+\/[a-z0-9-]+$/,
  'route|policy/<ns>/<name>/<budget>',
);

export const timeZone: Check = (value, path) =>
  text(64)(value, path) ??
  (isTimeZone(value as string)
    ? undefined
    : wrong(path, value, 'the name of a time zone that is known here'));

const known = new Map<string, boolean>();
const MAX_KNOWN = 1000;

function isTimeZone(name: string): boolean {
  let is = known.get(name);
  if (is !== undefined) return is;
  try {
    is = new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    is = false;
  }
  if (known.size < MAX_KNOWN) known.set(name, is);
  return is;
}

const period = shape({ unit: oneOf(['Hour', 'Day', 'Week', 'Month']), timeZone }, { rolling: only(true) });

const keyPart: Check = all(
  shape(
    { by: oneOf(['Namespace', 'Workload', 'Header', 'Model', 'Provider']) },
    { header: text(64, /^[a-z0-9!#$%&'*+\-.^_`|~]+$/, 'the name of a header in lower-case') },
  ),
  (value, path) => {
    const { by, header } = value as Extract<BudgetKeyPart, { by: 'Header' }>;
    if (((by as string) === 'Header') === (header !== undefined)) return undefined;
    return wrong(`${path}.header`, header, (by as string) === 'Header' ? 'set' : 'absent');
  },
);

const budget: Check = all(
  shape(
    {
      id,
      amount: nanoUsd,
      period,
      key: list(keyPart, 4),
      maxKeys: integer(1, 10_000),
      enforcement: oneOf(['Strict', 'Bounded']),
      onExhausted: oneOf(['Reject', 'Downgrade', 'Throttle', 'Warn']),
      allowUpTo: nanoUsd,
      leaseWaitMs: integer(0, LONGEST_WAIT_MS),
    },
    { perKey: list(shape({ value: text(512), amount: nanoUsd }), 1000, 1) },
  ),
  (value, path) => {
    const { enforcement, onExhausted, allowUpTo, perKey = [] } = value as BudgetBody;
    if (enforcement === 'Strict' && allowUpTo !== '0')
      return wrong(`${path}.allowUpTo`, allowUpTo, '0, since a Strict budget is never exceeded');
    if (enforcement === 'Strict' && onExhausted === 'Warn')
      return wrong(`${path}.onExhausted`, onExhausted, 'another: a Strict budget is never exceeded');
    return distinct((of: { value: string }) => of.value, 'the key')(perKey, `${path}.perKey`);
  },
);

export const budgets: Check = all(
  list(budget, MAX_BUDGETS, 1),
  distinct((of: BudgetBody) => of.id, 'budget'),
);
