/** What keeps a request from one target and not from the next. */
import type { ErrorCode } from '../../errors/table.ts';
import type { Retry } from '../providers/failures.ts';

const NOT_TRANSLATABLE = { what: 'NotTranslatable', retry: 'OtherTarget' } as const;

/** How the explanation calls it, and what must differ elsewhere. An error that is not here ends the request. */
export const PASSED_OVER: Partial<Record<ErrorCode, { readonly what: string; readonly retry: Retry }>> = {
  request_not_translatable: NOT_TRANSLATABLE,
  media_unavailable: NOT_TRANSLATABLE,
  target_not_permitted: { what: 'NotPermitted', retry: 'OtherTarget' },
  credential_unavailable: { what: 'CredentialMissing', retry: 'OtherCredential' },
};
