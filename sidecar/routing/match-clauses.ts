/** Clauses of a rule's matches, made ready once. Each carries, already written, what to say when it fails. */
import type { AskedSignal, RouteSignals } from '../signals/signals.ts';
import { compilePattern, type Pattern } from '../snapshot/patterns.ts';
import type { MatchBody, RuleBody } from '../snapshot/schema.ts';
import type { RequestFacts, Step } from './plan.ts';
import { signalClauses } from './signal-clauses.ts';

/** One entry of `matches`: all of its clauses must hold. The cheap ones come first. */
export type TableMatch = readonly Clause[];

export interface Clause {
  readonly holds: (facts: RequestFacts, prompt: PromptText) => boolean;
  /** Asks about the body, so it cannot hold where the body is passed through unread. */
  readonly readsBody: boolean;
  readonly failed: Step;
  /** What a signal said, for the reason; bounded words, never what the request carried. */
  readonly said?: (facts: RequestFacts) => string;
  /** The model that must have been asked. */
  readonly asks?: AskedSignal;
}

/** Lower-case text of the user messages, made at most once per request and searched at most once for each keyword. */
export class PromptText {
  readonly #facts: RequestFacts;
  #lower: string[] | undefined;
  #found: Map<string, boolean> | undefined;

  constructor(facts: RequestFacts) {
    this.#facts = facts;
  }

  lower(): string[] {
    this.#lower ??= this.#facts.userText().map((text) => text.toLowerCase());
    return this.#lower;
  }

  /** Several rules of a route often name the same words. */
  contains(keyword: string): boolean {
    this.#found ??= new Map();
    let found = this.#found.get(keyword);
    if (found === undefined) {
      found = this.lower().some((text) => text.includes(keyword));
      this.#found.set(keyword, found);
    }
    return found;
  }
}

export function compileMatches(rule: RuleBody, signals: RouteSignals = {}): TableMatch[] {
  return rule.matches.map((match, i) => {
    const what = rule.matches.length === 1 ? `rule ${rule.name}` : `rule ${rule.name}, match ${i + 1}`;
    return [
      ...envelopeClauses(match, what),
      ...promptClauses(match, what),
      ...signalClauses(match, what, signals),
    ];
  });
}

function clause(what: string, detail: string, readsBody: boolean, holds: Clause['holds']): Clause {
  return { holds, readsBody, failed: { stage: 'match', what, detail } };
}

function envelopeClauses(match: MatchBody, what: string): Clause[] {
  const clauses: Clause[] = [];
  const { models, paths, request, headers } = match;
  if (models) {
    const names = new Set(models);
    const detail = `the asked model is not ${list(models)}`;
    clauses.push(clause(what, detail, false, (f) => f.askedModel !== undefined && names.has(f.askedModel)));
  }
  if (paths) {
    const detail = `the path is not ${list(paths)}`;
    clauses.push(clause(what, detail, false, (f) => paths.includes(f.path)));
  }
  for (const feature of ['tools', 'vision', 'jsonSchema', 'stream', 'reasoning'] as const) {
    const wanted = request?.[feature];
    if (wanted === undefined) continue;
    const detail = `the request ${wanted ? 'does not use' : 'uses'} ${FEATURE_WORDS[feature]}`;
    clauses.push(clause(what, detail, true, (f) => (f[feature] ?? false) === wanted));
  }
  for (const header of headers ?? []) clauses.push(headerClause(header, what));
  return clauses;
}

const FEATURE_WORDS = {
  tools: 'tools',
  vision: 'images',
  jsonSchema: 'a JSON schema',
  stream: 'streaming',
  reasoning: 'reasoning',
};

function headerClause(
  { name, type, value }: NonNullable<MatchBody['headers']>[number],
  what: string,
): Clause {
  const test = headerTest(type, value);
  const relation = { Exact: 'is not', Prefix: 'does not begin with', RegularExpression: 'does not match' }[
    type
  ];
  return clause(what, `header ${name} ${relation} "${value}"`, false, (f) => {
    const sent = f.header(name);
    return sent !== undefined && test(sent);
  });
}

function headerTest(
  type: 'Exact' | 'Prefix' | 'RegularExpression',
  value: string,
): (sent: string) => boolean {
  if (type === 'Exact') return (sent) => sent === value;
  if (type === 'Prefix') return (sent) => sent.startsWith(value);
  const pattern = compilePattern(value);
  return (sent) => pattern.matchesAll(sent);
}

function promptClauses({ prompt }: MatchBody, what: string): Clause[] {
  if (!prompt) return [];
  const clauses: Clause[] = [];
  const { tokens, turns, contains, pattern } = prompt;
  if (tokens) {
    const detail = `estimated input tokens are not ${range(tokens)}`;
    clauses.push(clause(what, detail, true, (f) => within(tokens, f.inputTokens)));
  }
  if (turns) {
    clauses.push(clause(what, `user messages are not ${range(turns)}`, true, (f) => within(turns, f.turns)));
  }
  if (contains) {
    const detail = `no user message contains ${list(contains)}`;
    clauses.push(clause(what, detail, true, (_, text) => contains.some((word) => text.contains(word))));
  }
  if (pattern !== undefined) {
    const compiled = compilePattern(pattern);
    const detail = `no user message matches "${pattern}"`;
    clauses.push(clause(what, detail, true, (f) => occursInAny(f.userText(), compiled)));
  }
  return clauses;
}

function occursInAny(texts: readonly string[], pattern: Pattern): boolean {
  for (const text of texts) if (pattern.occursIn(text)) return true;
  return false;
}

type Range = { min?: number; max?: number };
const within = ({ min = 0, max = Number.POSITIVE_INFINITY }: Range, value: number): boolean =>
  value >= min && value <= max;

function range({ min, max }: Range): string {
  if (min === undefined) return `${max} or less`;
  return max === undefined ? `${min} or more` : `${min} to ${max}`;
}

function list(words: readonly string[]): string {
  const shown = words.slice(0, 5).map((word) => `"${word}"`);
  const rest = words.length - shown.length;
  return `${words.length > 1 ? 'any of ' : ''}${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
