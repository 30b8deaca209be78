/** Why a candidate ended, in canonical words. */
import type { Finish, StopReason } from '../canonical/response.ts';

const REASONS: Readonly<Record<string, StopReason>> = {
  STOP: 'Stop',
  MAX_TOKENS: 'Length',
  SAFETY: 'ContentFilter',
  RECITATION: 'ContentFilter',
  BLOCKLIST: 'ContentFilter',
  PROHIBITED_CONTENT: 'ContentFilter',
  SPII: 'ContentFilter',
  MODEL_ARMOR: 'ContentFilter',
  IMAGE_SAFETY: 'ContentFilter',
  IMAGE_PROHIBITED_CONTENT: 'ContentFilter',
  IMAGE_RECITATION: 'ContentFilter',
};

/** A candidate that calls functions ends with STOP as any other. */
export function finishOf(raw: string, called: boolean): Finish {
  const reason = REASONS[raw] ?? 'Other';
  return { reason: reason === 'Stop' && called ? 'ToolCalls' : reason, raw };
}

/** A prompt that was blocked has no candidates; whatever the reason, it was the filter. */
export const blockedFinish = (raw: string): Finish => ({ reason: 'ContentFilter', raw });
