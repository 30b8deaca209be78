/** Clauses of a match that ask a signal. Where the signal is unknown, `whenUnknown` of the entry decides. */
import { claimValues } from '../signals/claims.ts';
import { ENOUGH } from '../signals/content.ts';
import { known, type Reading } from '../signals/reading.ts';
import { type AskedSignal, type RouteSignals, type Signals, signalsOf } from '../signals/signals.ts';
import { compilePattern } from '../snapshot/patterns.ts';
import type { MatchBody } from '../snapshot/schema.ts';
import type { ClaimBody } from '../snapshot/shapes/signals.ts';
import type { Clause } from './match-clauses.ts';
import type { RequestFacts } from './plan.ts';

interface Question<T> {
  /** Said when it does not hold, before what the signal said. */
  failed: string;
  readsBody: boolean;
  asks?: AskedSignal | undefined;
  read: (signals: Signals, facts: RequestFacts) => Reading<T>;
  holds: (value: T) => boolean;
}

/** In order of what they cost. */
export function signalClauses(match: MatchBody, what: string, of: RouteSignals): Clause[] {
  const { prompt, classifications, claims = [] } = match;
  const made: Clause[] = [];
  const add = <T>(question: Question<T>) =>
    made.push(clauseOf(question, what, of, match.whenUnknown === 'Match'));
  if (classifications) add(classified(classifications));
  for (const claim of claims) add(claimed(claim));
  if (prompt?.content) add(contains(prompt.content));
  if (prompt?.difficulty) add(difficult(prompt.difficulty));
  if (prompt?.languages) add(spoken(prompt.languages));
  if (prompt?.intents) add(intended(prompt.intents, of));
  if (prompt?.labels) add(labelled(prompt.labels));
  return made;
}

function clauseOf<T>(question: Question<T>, what: string, of: RouteSignals, unknownHolds: boolean): Clause {
  const { failed, readsBody, asks, read, holds } = question;
  return {
    readsBody,
    ...(asks && { asks }),
    failed: { stage: 'match', what, detail: failed },
    holds: (facts) => {
      const reading = read(signalsOf(facts, of), facts);
      return reading.known ? holds(reading.value) : unknownHolds;
    },
    said: (facts) => {
      const reading = read(signalsOf(facts, of), facts);
      return reading.known ? reading.said : `unknown: ${reading.why}`;
    },
  };
}

function classified(labels: readonly string[]): Question<string | undefined> {
  return {
    failed: `the label is not ${labels.join(' or ')}`,
    readsBody: false,
    read: (_, { classification }) => known(classification, `label ${classification ?? 'none'}`),
    holds: (label) => label !== undefined && labels.includes(label),
  };
}

const RELATIONS = {
  Exact: 'is not',
  Prefix: 'does not begin with',
  RegularExpression: 'does not match',
  OneOf: 'is none of',
};

function claimed({ header, format, path, type, values }: ClaimBody): Question<readonly string[]> {
  const name = path.join('.');
  const test = claimTest(type, values);
  return {
    failed: `claim ${name} in header ${header} ${RELATIONS[type]} ${values.map((one) => `"${one}"`).join(', ')}`,
    readsBody: false,
    read: (signals) => {
      const claims = signals.claims(header, format);
      if (!claims.known) return claims;
      const found = claimValues(claims.value, path);
      return known(found, found.length === 0 ? `claim ${name} absent` : `claim ${name} present`);
    },
    holds: (found) => found.some(test),
  };
}

function claimTest(type: ClaimBody['type'], values: readonly string[]): (found: string) => boolean {
  const [first = ''] = values;
  if (type === 'Prefix') return (found) => found.startsWith(first);
  if (type === 'RegularExpression') {
    const pattern = compilePattern(first);
    return (found) => pattern.matchesAll(found);
  }
  return (found) => values.includes(found);
}

function contains(wanted: readonly ('Code' | 'Math')[]): Question<{ code: number; math: number }> {
  return {
    failed: `the user messages hold no ${wanted.join(' or ').toLowerCase()}`,
    readsBody: true,
    read: (signals) => signals.content(),
    holds: ({ code, math }) =>
      (wanted.includes('Code') && code >= ENOUGH) || (wanted.includes('Math') && math >= ENOUGH),
  };
}

function spoken(languages: readonly string[]): Question<string> {
  return {
    failed: `the language is not ${languages.join(' or ')}`,
    readsBody: true,
    read: (signals) => signals.language(),
    holds: (language) => languages.includes(language),
  };
}

function difficult({ min = 0, max = 100 }: { min?: number; max?: number }): Question<number> {
  return {
    failed: `difficulty is not ${min} to ${max}`,
    readsBody: true,
    read: (signals) => signals.difficulty(),
    holds: (score) => score >= min && score <= max,
  };
}

function intended(names: readonly string[], { intents }: RouteSignals): Question<string> {
  return {
    failed: `the intent is not ${names.join(' or ')}`,
    readsBody: true,
    asks: intents?.method === 'Embeddings' ? 'Intents' : undefined,
    read: (signals) => signals.intent(),
    holds: (name) => names.includes(name),
  };
}

function labelled(names: readonly string[]): Question<string> {
  return {
    failed: `the classifier's label is not ${names.join(' or ')}`,
    readsBody: true,
    asks: 'Classifier',
    read: (signals) => signals.label(),
    holds: (name) => names.includes(name),
  };
}
