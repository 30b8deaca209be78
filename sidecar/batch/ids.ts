/** Names of what is kept. They are names of files too, so nothing else passes for one. */
import { randomBytes } from 'node:crypto';

const PREFIXES = { File: 'file-or', Batch: 'batch_or', Async: 'async_or' } as const;
export type Kind = keyof typeof PREFIXES;
const FORM = /^(file-or|batch_or|async_or)[0-9a-f]{24}$/;

export const newId = (kind: Kind): string => PREFIXES[kind] + randomBytes(12).toString('hex');

/** Whether it is one of ours, and of that kind. */
export const isId = (kind: Kind, id: string): boolean => FORM.test(id) && id.startsWith(PREFIXES[kind]);
