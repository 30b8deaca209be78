/**
 * PURE: a snapshot and the bodies in hand -> what runs, item by item. A bad item never blocks a good one.
 *
 * - Valid and understood: it runs.
 * - It needs a feature this sidecar lacks: it is rejected and answers 503 even where an older body is in hand, and that
 *   body is forgotten: an older body may be looser than what was asked for.
 * - Invalid, or not understood: the older version in hand goes on as a whole (its models with its rules), else 503.
 * - Not in the list: gone, but for a provider that such an older version goes on using and its route is still granted.
 */
import type { EffectiveProvider, EffectiveRoute, EffectiveSnapshot } from './effective.ts';
import { type ItemHeader, readHeader } from './item-header.ts';
import { type Keeping, keptFor } from './kept.ts';
import type { ItemException } from './messages.ts';
import { PREVIOUS, type Previous } from './previous.ts';
import { FEATURES, type KeptProvider, SNAPSHOT_VERSION, type Snapshot, type SnapshotItem } from './schema.ts';
import { validateItem } from './validate.ts';
import { readVectorsMember } from './vectors-member.ts';

export interface Evaluation {
  effective: EffectiveSnapshot;
  exceptions: ItemException[];
  /** The items that run, by id: the older versions to keep when the next snapshot brings something worse. */
  held: Map<string, SnapshotItem>;
  /** Keys, by id and version, that older bodies may go on using besides those that are handed out. */
  keptKeys: ReadonlyMap<string, string>;
}

const MAX_REASON = 1_024;

/**
 * @param snapshot checked by `readSnapshot`
 * @param before the items that run now, by id
 */
export function evaluate(
  snapshot: Snapshot,
  before: ReadonlyMap<string, SnapshotItem>,
  previous: Previous | undefined = PREVIOUS,
): Evaluation {
  const routes: EffectiveRoute[] = [];
  const providers = new Map<string, EffectiveProvider>();
  const exceptions: ItemException[] = [];
  const held = new Map<string, SnapshotItem>();
  const keeping: Keeping[] = [];
  const fromPrevious = snapshot.version === SNAPSHOT_VERSION ? undefined : previous;
  for (const [index, sent] of snapshot.items.entries()) {
    const raw = fromPrevious ? fromPrevious(sent) : sent;
    const header = readHeader(raw);
    const verdict = judge(raw, header, before);
    const id = header?.id ?? verdict.runs?.id ?? `items[${index}]`;
    if (verdict.runs) held.set(id, verdict.runs);
    if (verdict.state === 'Stale' && verdict.keeps)
      keeping.push({ route: verdict.runs, keeps: verdict.keeps });
    if (verdict.state !== 'Runs') {
      exceptions.push({
        id,
        state: verdict.state,
        ...(verdict.runs && { runningGeneration: verdict.runs.generation }),
        reason: verdict.reason.slice(0, MAX_REASON),
      });
    }
    const reason = verdict.state === 'Runs' ? undefined : verdict.reason;
    const kind = header?.kind ?? verdict.runs?.kind;
    if (kind === 'Route') routes.push(route(id, header, verdict.runs, reason));
    if (kind === 'Provider') providers.set(id, provider(id, verdict.runs, reason));
  }
  const kept = keptFor(keeping, providers, before);
  for (const { item, reason } of kept.items) {
    const { id, generation } = item;
    held.set(id, item);
    providers.set(id, provider(id, item, reason));
    exceptions.push({ id, state: 'Stale', runningGeneration: generation, reason });
  }
  routes.sort((a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1));
  const vectors = readVectorsMember(snapshot.vectors);
  const effective = { hash: snapshot.hash, routes, providers, ...(vectors && { vectors }) };
  return { effective, exceptions, held, keptKeys: kept.keys };
}

type Verdict =
  | { state: 'Runs'; runs: SnapshotItem }
  | { state: 'Stale'; runs: SnapshotItem; reason: string; keeps?: KeptProvider[] | undefined }
  | { state: 'Rejected'; runs: undefined; reason: string };

function judge(
  raw: unknown,
  header: ItemHeader | undefined,
  before: ReadonlyMap<string, SnapshotItem>,
): Verdict {
  const lacking = header?.requires.find((name) => !(FEATURES as readonly string[]).includes(name));
  if (lacking !== undefined) {
    return {
      state: 'Rejected',
      runs: undefined,
      reason: `needs feature ${lacking}, which this version lacks`,
    };
  }
  const verified = validateItem(raw);
  if (verified.ok && verified.item.state === 'Valid') return { state: 'Runs', runs: verified.item };
  const reason = verified.ok ? (verified.item.reason ?? 'the operator holds it invalid') : verified.reason;
  const older = before.get((raw as { id?: string } | null)?.id ?? '');
  const keeps = verified.ok && verified.item.kind === 'Route' ? verified.item.keeps : undefined;
  return older
    ? { state: 'Stale', runs: older, reason, keeps }
    : { state: 'Rejected', runs: undefined, reason };
}

function route(
  id: string,
  header: ItemHeader | undefined,
  runs: SnapshotItem | undefined,
  reason: string | undefined,
): EffectiveRoute {
  const running = runs?.kind === 'Route' ? runs : undefined;
  return {
    id,
    // The rank is the place among the routes of this snapshot, whichever version of the route runs.
    rank: header?.rank ?? running?.rank ?? Number.MAX_SAFE_INTEGER,
    models: running?.models ?? header?.models ?? [],
    generation: running?.generation,
    body: running?.body,
    reason,
  };
}

function provider(id: string, runs: SnapshotItem | undefined, reason: string | undefined): EffectiveProvider {
  const running = runs?.kind === 'Provider' ? runs : undefined;
  return { id, generation: running?.generation, body: running?.body, reason };
}
