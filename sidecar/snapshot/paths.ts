/** Paths of providers, compared by segments as the provider will read them. */

/** First segments below the version that manage organisations, keys and bills: never reached through an application. */
const MANAGEMENT = new Set([
  'organization',
  'organizations',
  'organisation',
  'organisations',
  'orgs',
  'admin',
  'dashboard',
]);

/** Decoded segments; undefined for a path a provider could read in more than one way. */
export function segmentsOf(path: string): string[] | undefined {
  if (!path.startsWith('/')) return undefined;
  const segments = path.slice(1).split('/');
  // One trailing slash says nothing.
  if (segments.length > 1 && segments.at(-1) === '') segments.pop();
  const decoded: string[] = [];
  for (const segment of segments) {
    const plain = decode(segment);
    if (plain === undefined || plain === '' || plain === '.' || plain === '..' || /[/\\\0;]/.test(plain))
      return undefined;
    decoded.push(plain);
  }
  return decoded;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** Whether the path manages an organisation, whatever its version prefix. */
export function isManagementPath(segments: readonly string[]): boolean {
  return segments.slice(0, 3).some((segment) => MANAGEMENT.has(segment.toLowerCase()));
}

export function startsWithSegments(segments: readonly string[], prefix: readonly string[]): boolean {
  return prefix.length <= segments.length && prefix.every((segment, i) => segments[i] === segment);
}
