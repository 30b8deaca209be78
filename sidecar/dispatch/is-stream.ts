/** Whether a vendor answers with a stream of events, told by the type that its wire format has for one. */
import type { WireReader } from '../dialects/dialect.ts';
import { headerValue } from '../http1/header-value.ts';

const SSE = /^\s*text\/event-stream/i;
const AWS_STREAM = /^\s*application\/vnd\.amazon\.eventstream/i;

export function isStream(rawHeaders: readonly string[], { framing }: WireReader): boolean {
  const type = headerValue(rawHeaders, 'content-type');
  if (type === undefined || type === 'application/json') return false;
  return framing === 'aws' ? AWS_STREAM.test(type) : SSE.test(type);
}
