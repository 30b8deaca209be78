/** Which wire format a request travels in: the caller's own where the vendor speaks it, else one it can be translated into. */
import type { ProviderType, Spoken } from '../providers/provider-type.ts';
import type { CallerFormat, VendorFormat } from './chat-format.ts';
import type { DialectName, WireReader } from './dialect.ts';
import { CALLERS, VENDORS, WIRES } from './formats.ts';

export interface Way {
  readonly spoken: Spoken;
  /** Reads what the vendor answers. */
  readonly wire: WireReader;
  /** Undefined: the caller's own dialect, byte for byte. */
  readonly crossing: Pair | undefined;
}

interface Pair {
  readonly caller: CallerFormat;
  readonly vendor: VendorFormat;
}

/** A way on which everything is translated. */
export interface CrossingWay extends Way {
  readonly crossing: Pair;
}

export function crosses(way: Way): way is CrossingWay {
  return way.crossing !== undefined;
}

const known = new WeakMap<ProviderType, Map<DialectName, Way | undefined>>();

/** Undefined: no request of this dialect can be served by a vendor of this type. */
export function wayTo(dialect: DialectName, type: ProviderType): Way | undefined {
  let ways = known.get(type);
  if (ways === undefined) known.set(type, (ways = new Map()));
  if (!ways.has(dialect)) ways.set(dialect, find(dialect, type));
  return ways.get(dialect);
}

function find(dialect: DialectName, type: ProviderType): Way | undefined {
  const same = type.speaks.find((spoken) => spoken.dialect === dialect);
  const wire = WIRES[dialect];
  if (same !== undefined && wire !== undefined) return { spoken: same, wire, crossing: undefined };
  const caller = CALLERS[dialect];
  if (caller === undefined) return undefined;
  for (const spoken of type.speaks) {
    const vendor = VENDORS[spoken.dialect];
    const reader = WIRES[spoken.dialect];
    if (vendor && reader) return { spoken, wire: reader, crossing: { caller, vendor } };
  }
  return undefined;
}

/** Whether paths that nobody reads mean the same there: `openai-raw` at any vendor with a dialect of OpenAI's. */
export function speaksFamily(raw: DialectName, { speaks }: ProviderType): boolean {
  const family = raw.slice(0, raw.indexOf('-'));
  return speaks.some(({ dialect }) => dialect.startsWith(family));
}
