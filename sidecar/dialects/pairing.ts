/** Which wire format a request travels in: the caller's own where the vendor speaks it, else one it can be translated into. */
import type { ProviderType, Spoken } from '../providers/provider-type.ts';
import type { CallerFormat, VendorFormat } from './chat-format.ts';
import type { DialectName, WireReader } from './dialect.ts';
import type { EmbedCaller, EmbedVendor } from './embeddings/embed-format.ts';
import { FAMILIES } from './registry.ts';
import { EMBEDS_FROM, EMBEDS_TO, TRANSLATED_FROM, TRANSLATED_TO } from './translatable.ts';

/** What is known of a way before anything is sent on it. */
export interface Way {
  readonly from: DialectName;
  readonly spoken: Spoken;
  /** False: the caller's own dialect, byte for byte. */
  readonly crosses: boolean;
}

/** A way with what reads the vendor's answers, and what translates where it crosses. */
export interface OpenWay extends Way {
  readonly wire: WireReader;
  readonly crossing: Pair | undefined;
  /** In place of `crossing`, for embeddings. */
  readonly embedding: EmbedPair | undefined;
}

export interface EmbedPair {
  readonly caller: EmbedCaller;
  readonly vendor: EmbedVendor;
}

interface Pair {
  readonly caller: CallerFormat;
  readonly vendor: VendorFormat;
}

/** A way on which everything is translated. */
export interface CrossingWay extends OpenWay {
  readonly crossing: Pair;
}

export function isCrossing(way: OpenWay): way is CrossingWay {
  return way.crossing !== undefined;
}

/** Dialects that apps speak, each the reader of its own answers. */
const OWN: ReadonlyMap<DialectName, WireReader> = new Map(
  FAMILIES.flatMap(({ endpoints }) => endpoints.map(({ dialect }) => [dialect.name, dialect] as const)),
);

type Formats = typeof import('./formats.ts');
let formats: Formats | undefined;
let loading: Promise<void> | undefined;

const known = new WeakMap<ProviderType, Map<DialectName, Way | undefined>>();
const opened = new WeakMap<Way, OpenWay>();

/** Undefined: no request of this dialect can be served by a vendor of this type. */
export function wayTo(dialect: DialectName, type: ProviderType): Way | undefined {
  let ways = known.get(type);
  if (ways === undefined) known.set(type, (ways = new Map()));
  if (!ways.has(dialect)) ways.set(dialect, find(dialect, type));
  return ways.get(dialect);
}

function find(from: DialectName, { speaks }: ProviderType): Way | undefined {
  const same = speaks.find(({ dialect }) => dialect === from);
  if (same !== undefined && OWN.has(from)) return { from, spoken: same, crosses: false };
  const targets = TRANSLATED_FROM.has(from) ? TRANSLATED_TO : EMBEDS_FROM.has(from) ? EMBEDS_TO : undefined;
  const spoken = targets && speaks.find(({ dialect }) => targets.has(dialect));
  return spoken && { from, spoken, crosses: true };
}

/** Loads what translates; undefined: it is there. */
export function loadTranslation(): Promise<void> | undefined {
  if (formats !== undefined) return undefined;
  loading ??= import('./formats.ts').then((loaded) => void (formats = loaded));
  return loading;
}

/** Only for a way that is loaded. */
export function openWay(way: Way): OpenWay {
  let open = opened.get(way);
  if (open === undefined) {
    open = { ...way, ...sidesOf(way) };
    opened.set(way, open);
  }
  return open;
}

function sidesOf({
  from,
  spoken: { dialect },
  crosses,
}: Way): Pick<OpenWay, 'wire' | 'crossing' | 'embedding'> {
  const own = OWN.get(dialect);
  if (!crosses && own) return { wire: own, crossing: undefined, embedding: undefined };
  const wire = formats?.VENDOR_WIRES[dialect] ?? own;
  if (wire && EMBEDS_FROM.has(from)) {
    const caller = formats?.EMBED_CALLERS[from];
    const vendor = formats?.EMBED_VENDORS[dialect];
    if (caller && vendor) return { wire, crossing: undefined, embedding: { caller, vendor } };
  }
  const caller = formats?.CALLERS[from];
  const vendor = formats?.VENDORS[dialect];
  if (!wire || !caller || !vendor) throw new Error(`no way from ${from} to ${dialect} is loaded`);
  return { wire, crossing: { caller, vendor }, embedding: undefined };
}

/**
 * Where a vendor has the paths of a family that nobody reads, as a path like those of `Spoken`: what stands before a dialect of
 * the family has them too. Undefined: nowhere.
 */
export function placeOfUnread(raw: DialectName, { speaks }: ProviderType): Spoken | undefined {
  const family = FAMILIES.find((one) => one.raw.name === raw);
  if (family === undefined) return undefined;
  const own = [
    ...family.endpoints.map(({ dialect: d }) => ({ ...d, dialect: d.name })),
    ...(family.vendorPaths ?? []),
  ];
  for (const { streamPath: _, ...spoken } of speaks) {
    if (!spoken.dialect.startsWith(family.name)) continue;
    const end = own.find(({ dialect }) => dialect === spoken.dialect)?.upstreamPath;
    const [path = '', query] = spoken.path.split('?', 2);
    if (end === undefined || !path.endsWith(end)) continue;
    const before = path.slice(0, path.length - end.length);
    if (!before.includes('{model}'))
      return { ...spoken, path: query === undefined ? before : `${before}?${query}` };
  }
  return undefined;
}
