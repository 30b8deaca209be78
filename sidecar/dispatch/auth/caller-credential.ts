/** The key that a caller brings, in whichever header its SDK sends it. */

import { headerValue } from '../../http1/header-value.ts';
import { CALLER_KEY_HEADERS } from '../../providers/caller-keys.ts';

const BEARER = /^Bearer +/i;

/** Without what precedes it; undefined: the caller brings none. */
export function callerCredential(rawHeaders: readonly string[]): string | undefined {
  for (const name of CALLER_KEY_HEADERS) {
    const value = headerValue(rawHeaders, name);
    if (value !== undefined && value !== '') return value.replace(BEARER, '');
  }
  return undefined;
}
