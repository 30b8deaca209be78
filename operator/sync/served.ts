/** Which sidecars this operator serves, by the version of the project they were injected with. */

/** The oldest whose protocol is the one before ours, or ours. Those before it are answered 426. A test compares it with releases. */
export const OLDEST_SIDECAR = '0.1.0';

/** Major, minor, patch; undefined for what is no version. What follows a hyphen or a plus does not count. */
function numbersOf(version: string): readonly number[] | undefined {
  const match = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[-+].*)?$/.exec(version);
  return match?.slice(1).map(Number);
}

export const isVersion = (text: string): boolean => numbersOf(text) !== undefined;

/** Whether `version` comes before `than`. What is no version comes before nothing. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [numbersOf(version), numbersOf(than)];
  const differs = a?.findIndex((number, i) => number !== b?.[i]) ?? -1;
  return a !== undefined && b !== undefined && differs >= 0 && (a[differs] ?? 0) < (b[differs] ?? 0);
}
