/** Finish reasons that stand for a failure: vendors end broken generations with them, inside a 200. */

const FAILURES = new Set([
  'abort',
  'aborted',
  'cancelled',
  'canceled',
  'failed',
  'failure',
  'insufficient_system_resource',
  'timeout',
]);

/** `error`, `overloaded_error`, `network_error`, `insufficient_system_resource`, ... */
export function isFailureReason(reason: string): boolean {
  const word = reason.toLowerCase();
  return FAILURES.has(word) || word.includes('error') || word.includes('overload');
}
