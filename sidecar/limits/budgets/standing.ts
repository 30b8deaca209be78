/** What this process holds of each budget and key, to be shown. */
import { formatUsd } from '../../accounting/usd.ts';
import type { Entry } from './entry.ts';

export function standingOf(entries: Iterable<Entry>, now: number): object[] {
  return [...entries].map(({ account, body }) => ({
    budget: body.id,
    key: account.key,
    window: account.window ?? null,
    grantedUsd: formatUsd(account.granted > 0n ? account.granted : 0n),
    spentUsd: formatUsd(account.settled),
    reservedUsd: formatUsd(account.reserved),
    leftUsd: formatUsd(account.available(now)),
    leased: account.isLeased(now),
    scarce: account.scarce,
    exhaustedForMs: Math.round(account.exhaustedFor(now)),
  }));
}
