/** Judges what a rule says of affinity. */
import { all, type Check, integer, oneOf, shape, text, wrong } from '../check.ts';
import type { AffinityBody } from '../shapes/affinity.ts';

/** Names of headers, as a request's are compared. */
const header = text(64, /^[a-z0-9!#$%&'*+\-.^_`|~]+$/, 'a header name in lower case');
/** Nobody keeps a prompt for longer than a day. */
const ttl = integer(1, 86_400_000);

export const affinity: Check = all(
  shape(
    { by: oneOf(['Header', 'Conversation', 'PromptPrefix']) },
    { header, promptCache: shape({}, { ttlMs: ttl }) },
  ),
  (value, path) => {
    const { by, header: name } = value as AffinityBody;
    return (by === 'Header') === (name !== undefined)
      ? undefined
      : wrong(`${path}.header`, name, by === 'Header' ? 'the name of a header' : 'absent');
  },
);
