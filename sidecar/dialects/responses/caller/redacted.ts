/**
 * Thinking a vendor hides altogether, in the one field Responses has for what must come back: marked, so that it is not taken
 * for the signature of thinking without text. Ciphers are base64 and never begin like the mark.
 */
import type { Signature, Vendor } from '../../canonical/request.ts';

const MARK = 'redacted:';

export const markRedacted = (data: string, vendor: Vendor): Signature => ({ vendor, value: MARK + data });

/** Undefined: a signature as others. */
export function unmarkRedacted({ vendor, value }: Signature): { data: string; vendor: Vendor } | undefined {
  return value.startsWith(MARK) ? { data: value.slice(MARK.length), vendor } : undefined;
}
