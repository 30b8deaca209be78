/** Why an answer ended, in canonical words, and which of them stand for a failure. */
import type { Finish, StopReason } from '../canonical/response.ts';
import type { UpstreamError } from '../dialect.ts';

const REASONS: Readonly<Record<string, StopReason>> = {
  COMPLETE: 'Stop',
  STOP_SEQUENCE: 'StopSequence',
  MAX_TOKENS: 'Length',
  TOOL_CALL: 'ToolCalls',
  ERROR_TOXIC: 'ContentFilter',
  ERROR_LIMIT: 'ContextWindow',
};

export const finishOf = (raw: string): Finish => ({ reason: REASONS[raw] ?? 'Other', raw });

export function failureOf(raw: string | undefined, message: string | undefined): UpstreamError | undefined {
  if (raw !== 'ERROR' && raw !== 'TIMEOUT' && message === undefined) return undefined;
  return {
    status: raw === 'TIMEOUT' ? 504 : undefined,
    code: raw ?? 'ERROR',
    type: undefined,
    message: message ?? `finish_reason is ${String(raw)}`,
  };
}
