/** What is wrong with an object, gathered while it is compiled, and the conditions made of it. */
import type { VerdictCondition } from './types.ts';

export interface Problem {
  condition: 'Accepted' | 'ResolvedRefs';
  reason: string;
  message: string;
}

const MAX_MESSAGE = 4096;
const MAX_LISTED = 10;

/** The first problem gives the reason, all of them the message; `fine` holds when there is none. */
export function conditionOf(
  type: 'Accepted' | 'ResolvedRefs',
  problems: readonly Problem[],
  fine: { reason: string; message: string },
): VerdictCondition {
  const own = problems.filter((p) => p.condition === type);
  const first = own[0];
  if (!first) return { type, status: 'True', ...fine };
  return { type, status: 'False', reason: first.reason, message: sentence(own.map((p) => p.message)) };
}

/** Distinct parts joined by semicolons, cut to a readable number and length. */
export function sentence(parts: readonly string[]): string {
  const distinct = [...new Set(parts)];
  const rest = distinct.length - MAX_LISTED;
  const text = distinct.slice(0, MAX_LISTED).join('; ') + (rest > 0 ? `; and ${rest} more` : '');
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text;
}

/** The parts of such a message, each about a field or a credential of its own. */
export const partsOf = (message: string): string[] =>
  message.split(/; (?=spec[.[]|credential "|and \d+ more$)/);

/** The field that a part is about; undefined where it does not begin with one. */
export const fieldOf = (part: string): string | undefined => /^spec[\w.[\]]*/.exec(part)?.[0];

/** Names of snapshot fields that resources call otherwise. */
const RESOURCE_WORDS: readonly [RegExp, string][] = [
  [/^spec\.caBundle/, 'spec.endpoint.tls.caBundle'],
  [/^spec\.(url|headers)/, 'spec.endpoint.$1'],
  [/\.patch\./, '.request.'],
  [/\.holdMaxMs/, '.commit.holdMax'],
  [/(\.\w+)Ms is/, '$1 in milliseconds is'],
];

/** What the judge of snapshot items says, with the paths of the resource it was compiled from. */
export function inResourceWords(reason: string): string {
  return RESOURCE_WORDS.reduce((text, [from, to]) => text.replace(from, to), reason);
}
