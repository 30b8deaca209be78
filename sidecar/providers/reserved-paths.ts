/** Paths that administer an account instead of using it: no rule may open them. */
import type { ProviderType } from './provider-type.ts';

/** `path` is below the version path and starts with a slash. Escaped names are read as what they stand for. */
export function isReserved(type: ProviderType, path: string): boolean {
  const [, first = ''] = path.split('/');
  let segment = first;
  try {
    segment = decodeURIComponent(first);
  } catch {
    // A broken escape stands for nothing; it is compared as it is.
  }
  return type.reservedSegments.has(segment.toLowerCase());
}
