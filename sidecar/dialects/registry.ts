/** All families, and which of them a path belongs to. Adding a family is adding a line here. */
import { ANTHROPIC_FAMILY } from './anthropic/family.ts';
import type { DialectFamily, Endpoint } from './family.ts';
import { GEMINI_FAMILY } from './gemini/family.ts';
import { OPENAI_FAMILY } from './openai/family.ts';

/** In the order in which they are asked whose client it is; the last one takes everything. */
export const FAMILIES: readonly [DialectFamily, ...DialectFamily[]] = [
  ANTHROPIC_FAMILY,
  GEMINI_FAMILY,
  OPENAI_FAMILY,
];

/** What a path stands for. `path` is canonical: without the family's prefix. */
export type Resolution =
  | { kind: 'Endpoint'; family: DialectFamily; path: string; endpoint: Endpoint }
  /** `model`: undefined for the list. */
  | { kind: 'Models'; family: DialectFamily; path: string; model: string | undefined }
  /** What apps say of answers. */
  | { kind: 'Feedback'; family: DialectFamily; path: string }
  /** Under the family's API, but not modelled: passed through where a rule lets it. */
  | { kind: 'Raw'; family: DialectFamily; path: string }
  | { kind: 'Unknown'; family: DialectFamily; path: string };

/** Endpoint paths under every prefix they are served at. */
const ENDPOINTS: ReadonlyMap<string, Resolution> = new Map(
  FAMILIES.flatMap((family) =>
    family.prefixes.flatMap(({ from, to }) =>
      family.endpoints
        .filter((endpoint) => endpoint.path.startsWith(`${to}/`))
        .map((endpoint): [string, Resolution] => [
          from + endpoint.path.slice(to.length),
          { kind: 'Endpoint', family, path: endpoint.path, endpoint },
        ]),
    ),
  ),
);

const PREFIXES = FAMILIES.flatMap((family) => family.prefixes.map((prefix) => ({ ...prefix, family })))
  .filter(({ endpointsOnly }) => endpointsOnly !== true)
  .sort((a, b) => b.from.length - a.from.length);

/** No provider has it: feedback stays here. */
const FEEDBACK_PATH = '/v1/feedback';

/** Endpoints by canonical path, for hints. */
export const ENDPOINT_PATHS: readonly string[] = [
  ...new Set(
    FAMILIES.flatMap((family) => [...family.endpoints.map((endpoint) => endpoint.path), family.modelsPath]),
  ),
];

/** An endpoint at exactly this request target: the common case, known to be a plain path. */
export function endpointAt(target: string): Resolution | undefined {
  return ENDPOINTS.get(target);
}

/** `path` has been checked by the listener. */
export function resolvePath(path: string, rawHeaders: readonly string[]): Resolution {
  const endpoint = ENDPOINTS.get(path);
  if (endpoint) return endpoint;
  const longest = PREFIXES.find(({ from }) => path === from || path.startsWith(`${from}/`));
  if (!longest) return { kind: 'Unknown', family: caller(rawHeaders), path };
  // Families share the prefix `/v1`: there the caller's headers tell them apart.
  const sharing = PREFIXES.filter(({ from }) => from === longest.from);
  const prefix = sharing.find((one) => one.family.claims(rawHeaders)) ?? longest;
  const { family } = prefix;
  const canonical = prefix.to + path.slice(prefix.from.length);
  if (canonical === FEEDBACK_PATH) return { kind: 'Feedback', family, path: canonical };
  if (canonical === family.modelsPath) return { kind: 'Models', family, path: canonical, model: undefined };
  if (canonical.startsWith(`${family.modelsPath}/`)) {
    const model = decoded(canonical.slice(family.modelsPath.length + 1));
    if (family.notModels?.test(model)) return { kind: 'Raw', family, path: canonical };
    return { kind: 'Models', family, path: canonical, model };
  }
  if (canonical.length <= prefix.to.length + 1) return { kind: 'Unknown', family, path: canonical };
  return { kind: 'Raw', family, path: canonical };
}

/** The family whose client sent these headers. */
export function caller(rawHeaders: readonly string[]): DialectFamily {
  return FAMILIES.find((family) => family.claims(rawHeaders)) ?? FAMILIES[0];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
