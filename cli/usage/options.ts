/** What `outrider usage` is asked. */
import { readUsageQuery, UsageQueryError, type UsageRange } from '../../operator/ledger/usage-query.ts';
import { DIMENSIONS } from '../../operator/ledger/usage-report.ts';
import { Arguments, UsageError } from '../arguments.ts';

export const HELP = `outrider usage: who used how much, and what it cost

Read from the operator's ledger: ConfigMaps of its namespace, so whoever may read those may ask. Days are UTC; 35 are kept.
"key" is whom a route charges (spec.chargeback, or the key of its budgets); "purpose" what sidecars ask models for themselves.

usage: outrider usage [options]

  --from DAY, --to DAY   such as 2026-11-01, both included; unset: this month so far
  --by NAME,...          ${DIMENSIONS.join(', ')}; namespace,route
  -n, --namespace NAME   of the pods that called; unset: all
  -o, --output FORMAT    table, csv or json; table
  --ledger-namespace N   where the operator runs; unset: where there is a ledger         OUTRIDER_LEDGER_NAMESPACE
  --ledger-name NAME     what the names of its ConfigMaps begin with; unset: found       OUTRIDER_LEDGER_NAME
  --kubeconfig FILE      unset: $KUBECONFIG, ~/.kube/config, or the pod's own account    OUTRIDER_KUBECONFIG
  --help

"would have cost" is the price of the same tokens at the most expensive target that each request could have gone to; "not sent" are
tokens of older turns that rules leave out or summarise.

exit code: 0 done, 2 wrong usage, or the ledger cannot be read
`;

export interface UsageOptions extends UsageRange {
  namespace: string | undefined;
  output: 'table' | 'csv' | 'json';
  /** Unset: the only one that can be found. */
  ledger: { namespace: string | undefined; name: string | undefined };
  kubeconfig: string | undefined;
}

/** @returns undefined where help was asked for */
export function readOptions(args: string[], env: NodeJS.ProcessEnv, now: number): UsageOptions | undefined {
  const flags = ['from', 'to', 'by', 'ledger-namespace', 'ledger-name', 'kubeconfig'];
  const given = new Arguments(args, env, flags, { namespace: 'n', output: 'o' });
  if (given.help) return undefined;
  const [extra] = given.positionals;
  if (extra !== undefined) throw new UsageError(`"${extra}" is not expected; the command takes flags only`);
  return {
    ...range(given, now),
    namespace: once(given, 'namespace'),
    output: output(once(given, 'output') ?? 'table'),
    ledger: { namespace: given.text('ledger-namespace'), name: given.text('ledger-name') },
    kubeconfig: given.text('kubeconfig'),
  };
}

function once(given: Arguments, flag: string): string | undefined {
  const [value, second] = given.lists[flag] ?? [];
  if (second !== undefined) throw new UsageError(`--${flag} is given twice`);
  return value;
}

function output(text: string): UsageOptions['output'] {
  if (text === 'table' || text === 'csv' || text === 'json') return text;
  throw new UsageError(`--output is "${text}"; it must be table, csv or json`);
}

function range(given: Arguments, now: number): UsageRange {
  try {
    return readUsageQuery({ from: given.text('from'), to: given.text('to'), by: given.list('by') }, now);
  } catch (error) {
    if (!(error instanceof UsageQueryError)) throw error;
    throw new UsageError(`--${error.field} ${error.message}`, { cause: error });
  }
}
