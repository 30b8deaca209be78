/** Writes JSON out of parts of which some are JSON text already and must come out as they are. */

/** JSON text of one value. */
export type JsonText = string;

/** JSON text of a string, number, boolean or null. */
export const json = (value: string | number | boolean | null): JsonText => JSON.stringify(value);

/** An object of the members that are there; undefined leaves a member out. */
export function object(members: Readonly<Record<string, JsonText | undefined>>): JsonText {
  let text = '';
  for (const name in members) {
    const value = members[name];
    if (value !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${value}`;
  }
  return `{${text}}`;
}

/** Parts are put together once, when all of the text is written. */
export function array(elements: readonly JsonText[]): JsonText {
  let text = '';
  for (const element of elements) text = text === '' ? element : `${text},${element}`;
  return `[${text}]`;
}

/** `json` for what may be absent. */
export const optional = (value: string | number | boolean | undefined): JsonText | undefined =>
  value === undefined ? undefined : JSON.stringify(value);
