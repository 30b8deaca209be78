/**
 * Ids of tool calls. A conversation is mapped afresh with every request, so a mapping must give the same id for the same id:
 * it is computed, never remembered, and leaves alone what the vendor already takes.
 */
import { createHash } from 'node:crypto';

/** Nine: nine letters and digits (Mistral). Forty: at most forty letters, digits, `_` and `-`. Plain: those, of any length. */
export type ToolIdForm = 'Nine' | 'Forty' | 'Plain';

const FORMS: Readonly<Record<ToolIdForm, RegExp>> = {
  Nine: /^[a-zA-Z0-9]{9}$/,
  Forty: /^[a-zA-Z0-9_-]{1,40}$/,
  Plain: /^[a-zA-Z0-9_-]{1,256}$/,
};

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** `id` in a form the vendor takes. */
export function toolId(id: string, form: ToolIdForm): string {
  if (FORMS[form].test(id)) return id;
  const digest = createHash('sha256').update(id).digest();
  if (form !== 'Nine') return `call_${digest.toString('hex', 0, 16)}`;
  let text = '';
  for (let i = 0; i < 9; i++) text += LETTERS[(digest[i] as number) % LETTERS.length];
  return text;
}

/** An id for a call that came without one; `seed` is unique per answer. Of a form every vendor but Mistral takes. */
export function makeCallId(seed: string, choice: number, position: number): string {
  return `call_${createHash('sha256').update(`${seed}/${choice}/${position}`).digest('hex').slice(0, 24)}`;
}
