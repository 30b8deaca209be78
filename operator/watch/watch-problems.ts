/** What can be wrong with what a watch delivers, as opposed to the connection it comes on. */
import type { KubeObject } from '../../crds/common.ts';
import { ApiError } from './api-error.ts';

/** The version we hold is too old for the server: everything has to be read again. */
export class Expired extends Error {}

/** What came is not an object we could have asked for. */
export class Malformed extends Error {}

export function versionOf(object: KubeObject): string {
  const version = object.metadata?.resourceVersion;
  if (!version) throw new Malformed('the API server sent an event without a resourceVersion');
  return version;
}

/** An ERROR event carries a Status; 410 there says the same as a 410 answer. */
export function problemOf(object: object): Error {
  const { code, reason, message } = object as { code?: number; reason?: string; message?: string };
  if (code === 410) return new Expired(message ?? 'too old resource version');
  return new ApiError(code ?? 500, reason ?? '', message ?? 'the watch reported an error');
}
