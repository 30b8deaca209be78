/** Words that are booleans in YAML 1.1, and so to kubectl. */
const YES = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON']);
const NO = new Set(['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF']);

/** What such a word means; undefined for any other text. */
export function yesNo(text: string): boolean | undefined {
  if (YES.has(text)) return true;
  return NO.has(text) ? false : undefined;
}

/** Whether kubectl reads the unquoted name of a field as true or false. */
export const ambiguousKey = (text: string): boolean => yesNo(text) !== undefined;
