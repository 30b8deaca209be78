/** Looks into JSON that may be anything. */

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** As text, whatever it is. */
export const word = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
export const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
