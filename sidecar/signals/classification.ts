/** The label that says how sensitive a request is, from the header that its route names. */
import type { RequestFacts } from '../routing/plan.ts';
import type { ClassificationBody } from '../snapshot/shapes/signals.ts';

const LABEL = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** No rule and no provider can name it, so it is let through to nothing that asks for a label. */
const UNREADABLE = '_unreadable';

/** Lower-case; undefined: the request has none. A header that is no label gives one that nobody lists. */
export function classificationOf(
  { header, unset }: ClassificationBody,
  facts: Pick<RequestFacts, 'header'>,
): string | undefined {
  const sent = facts.header(header)?.trim().toLowerCase();
  if (sent === undefined || sent === '') return unset;
  return LABEL.test(sent) ? sent : UNREADABLE;
}
