/**
 * Signatures and ciphers of one vendor, on their way through a caller whose dialect has a single field for them: the vendor is
 * written in front, so that they go back to the one that made them and to no other.
 *
 *   seal({ vendor: 'google', value: 'CiQB...' }, 'anthropic')          "outrider:google:CiQB..."
 *   seal({ vendor: 'anthropic', value: 'EqQB...' }, 'anthropic')       "EqQB..."
 */
import type { Signature, Vendor } from './request.ts';

const MARK = 'outrider:';
const CALL_MARK = 'outrider-call:';
const VENDORS: ReadonlySet<string> = new Set<Vendor>(['openai', 'anthropic', 'google', 'bedrock']);

/** `own`: whose field it is; its own values stand there as they are. */
export function seal({ vendor, value }: Signature, own: Vendor): string {
  return vendor === own ? value : `${MARK}${vendor}:${value}`;
}

export function unseal(text: string, own: Vendor): Signature {
  return marked(text, MARK) ?? { vendor: own, value: text };
}

/** For a signature that belongs to the call behind it. */
export const sealCall = ({ vendor, value }: Signature): string => `${CALL_MARK}${vendor}:${value}`;

/** Undefined: not the signature of a call. */
export const unsealCall = (text: string): Signature | undefined => marked(text, CALL_MARK);

function marked(text: string, mark: string): Signature | undefined {
  if (!text.startsWith(mark)) return undefined;
  const end = text.indexOf(':', mark.length);
  const vendor = text.slice(mark.length, end);
  return end > 0 && VENDORS.has(vendor)
    ? { vendor: vendor as Vendor, value: text.slice(end + 1) }
    : undefined;
}
