/** How a check ends at the first thing that a vendor refuses. */
export function refuse(message: string): never {
  throw new Error(message);
}

/** What `check` refused; undefined: nothing. */
export function refusalOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
