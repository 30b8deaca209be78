/** What is made once for each key, and remembered as long as the map holds it. */

interface Remembering<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

/** @param made what was made for other keys, and takes what is made for this one */
export function once<K, V extends object>(made: Remembering<K, V>, key: K, make: () => V): V {
  let value = made.get(key);
  if (value === undefined) {
    value = make();
    made.set(key, value);
  }
  return value;
}
