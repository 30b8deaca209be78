/** Which of a provider's headers the caller sees. */

/** Appends the allowed headers of a provider's answer to `out`, names and values in turn. */
export function copyHeaders(
  rawHeaders: readonly string[],
  allowed: ReadonlySet<string>,
  out: string[],
  also?: ReadonlySet<string>,
): void {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const lower = name.toLowerCase();
    if (allowed.has(lower) || also?.has(lower)) out.push(name, rawHeaders[i + 1] as string);
  }
}

const narrowed = new WeakMap<ReadonlySet<string>, ReadonlySet<string>>();

/** The same headers but those that describe the body: it was translated, so it is another. */
export function withoutContent(allowed: ReadonlySet<string>): ReadonlySet<string> {
  let rest = narrowed.get(allowed);
  if (rest === undefined) {
    rest = new Set([...allowed].filter((name) => !name.startsWith('content-')));
    narrowed.set(allowed, rest);
  }
  return rest;
}
