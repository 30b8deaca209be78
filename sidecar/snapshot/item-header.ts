/** The part of an item that names it, read leniently: an item that is refused must still be named and still answer 503. */

export interface ItemHeader {
  id: string;
  kind: 'Route' | 'Provider';
  generation: number;
  state: 'Valid' | 'Invalid';
  requires: string[];
  reason: string | undefined;
  /** Routes; 0 and empty otherwise. */
  rank: number;
  models: string[];
}

const MAX_MODELS = 1_024;

/** Undefined when it is no item of a kind this version knows. */
export function readHeader(raw: unknown): ItemHeader | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const item = raw as Record<string, unknown>;
  const { id, kind, generation } = item;
  if (typeof id !== 'string' || id.length > 640) return undefined;
  if (kind !== 'Route' && kind !== 'Provider') return undefined;
  if (!id.startsWith(kind === 'Route' ? 'route/' : 'provider/')) return undefined;
  return {
    id,
    kind,
    generation: typeof generation === 'number' && Number.isSafeInteger(generation) ? generation : 0,
    // A state that is not known is not a promise that the body may run.
    state: item['state'] === 'Valid' ? 'Valid' : 'Invalid',
    requires: strings(item['requires']),
    reason: typeof item['reason'] === 'string' ? item['reason'] : undefined,
    rank: typeof item['rank'] === 'number' ? item['rank'] : Number.MAX_SAFE_INTEGER,
    models: kind === 'Route' ? strings(item['models']).slice(0, MAX_MODELS) : [],
  };
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
