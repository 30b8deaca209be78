/** Signatures under thinking, as the scripted vendor makes them: only what it thought itself comes back unchanged. */
import { createHmac } from 'node:crypto';

const KEY = 'scripted';
const SEALED = 'EroCCkYI';

export const sign = (thinking: string): string => createHmac('sha256', KEY).update(thinking).digest('base64');

/** What was thought is left out of an answer at times: then the signature stands for it alone. */
export const OMITTED_SIGNATURE = sign('omitted');

export const verify = (thinking: string, signature: string): boolean =>
  sign(thinking) === signature || (thinking === '' && signature === OMITTED_SIGNATURE);

export const sealed = (text: string): string => SEALED + Buffer.from(text).toString('base64');

export const isSealed = (data: string): boolean => data.startsWith(SEALED);
